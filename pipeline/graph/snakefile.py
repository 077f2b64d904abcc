"""What the Snakefile needs besides patterns: stamps, inputs that depend on params.yaml, and whether there is a GPU."""

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


def age_stamps(params: Params, workflow: Any) -> None:
    """Make the stamp of each of the study's jobs newer than its outputs if the job is out of date, else older.

    Only Snakemake's main process does: the one that it starts for each job must leave the stamps as they are.
    """
    if not workflow.is_main_process:
        return
    reasons = stale(params)
    for job in graph.jobs(params):
        _age(paths.work("stamps", job.record).with_suffix(".stamp"), new=job.name in reasons)


def inputs(params: Params, stage: str, name: str) -> Callable[[Any], list[str]]:
    """The input `name` of a stage's job, where no pattern can say it. Its age does not count: the stamp's does."""
    from snakemake.io import ancient

    def find(wildcards: Any) -> list[str]:
        return [ancient(str(path)) for path in graph.job(params, stage, dict(wildcards.items())).inputs[name]]

    return find


def gpus() -> int:
    """1 where jobs use an NVIDIA GPU, else 0. It does not import torch, which takes seconds."""
    return int(any(Path("/proc/driver/nvidia/gpus").glob("*")))


def _age(stamp: Path, new: bool) -> None:
    stamp.parent.mkdir(parents=True, exist_ok=True)
    if new or not stamp.exists():
        stamp.write_text(str(time.time_ns()))  # Snakemake ignores a newer file whose content is the old one
    if not new:
        os.utime(stamp, (LONG_AGO, LONG_AGO))
