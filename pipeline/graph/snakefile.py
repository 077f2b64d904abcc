"""What the Snakefile needs besides patterns: which jobs are out of date, and what they take."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline.config import paths
from pipeline.config.params import Params
from pipeline.graph import graph
from pipeline.graph.stale import stale

LONG_AGO = 946684800
"""The age of the stamp of a job that is current (2000-01-01): older than any output."""


class Inputs:
    """The inputs of a study's jobs as Snakemake should see them; and each job's stamp, which tells it what to run.

    A stamp is newer than its job's outputs if the job is out of date, else older. Every other input is `ancient` unless
    a job of this run makes it: its age says nothing, because either engine, or a copy, may have set it.
    """

    def __init__(self, params: Params, workflow: Any):
        self._params, jobs, reasons = params, graph.jobs(params), stale(params)
        waiting = [job for job in jobs if job.name in reasons]
        self._rebuilt = {path for job in waiting for path in job.output_files}
        if workflow.is_main_process:  # the process that it starts for each job must leave the stamps as they are
            for job in jobs:
                _age(paths.work("stamps", job.record).with_suffix(".stamp"), new=job.name in reasons)

    def __call__(self, patterns: str | list[str]) -> Callable[[Any], list[str]]:
        """Inputs by their patterns."""
        each = [patterns] if isinstance(patterns, str) else patterns
        return lambda wildcards: [self._aged(pattern.format(**dict(wildcards.items()))) for pattern in each]

    def of(self, stage: str, name: str) -> Callable[[Any], list[str]]:
        """The input `name` of a stage, where wildcards alone do not say its path."""
        return lambda wildcards: [
            self._aged(str(path)) for path in graph.job(self._params, stage, dict(wildcards.items())).inputs[name]
        ]

    def _aged(self, path: str) -> str:
        from snakemake.io import ancient

        return path if Path(path) in self._rebuilt else ancient(path)


def gpus() -> int:
    """1 where jobs use an NVIDIA GPU, else 0. It does not import torch, which takes seconds."""
    return int(any(Path("/proc/driver/nvidia/gpus").glob("*")))


def threads(params: Params) -> Callable[[Any], int]:
    """CPU threads of a training, in all of its processes. Snakemake lowers it to the cores that it has."""

    def of(wildcards: Any) -> int:
        training = params.training(wildcards.recipe, wildcards.variant)
        return training.threads * training.processes

    return of


def _age(stamp: Path, new: bool) -> None:
    stamp.parent.mkdir(parents=True, exist_ok=True)
    if new or not stamp.exists():
        stamp.write_text(str(time.time_ns()))  # Snakemake ignores a newer file whose content is the old one
    if not new:
        os.utime(stamp, (LONG_AGO, LONG_AGO))
