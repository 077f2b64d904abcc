"""What both engines need to know of a study's jobs: which are out of date, and how that is told to each."""

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline.config import paths
from pipeline.config.params import Params
from pipeline.graph import dvc, graph, provenance
from pipeline.utils.errors import BadInput

LONG_AGO = 946684800
"""Age of the stamp of a job that is up to date (2000-01-01): older than any output."""


def stale(params: Params) -> dict[str, list[str]]:
    """For each job of the study that would run, by name: why. A job whose input is made again is made again."""
    waiting: dict[Path, str] = {}
    found = {}
    for job in graph.jobs(params):
        reasons = provenance.reasons(job, params)
        reasons += [f"{path} is made again" for path in job.inputs if path in waiting]
        if reasons:
            found[job.name] = reasons
            waiting |= dict.fromkeys(job.outputs, job.name)
    return found


def gpus() -> int:
    """1 where jobs use an NVIDIA GPU, else 0; without importing torch, which takes seconds."""
    return int(any(Path("/proc/driver/nvidia/gpus").glob("*")))


class Graph:
    """The study for the Snakefile: functions from a job's wildcards to its files.

    With `stamp` (in Snakemake's main process alone) every job's stamp is aged first: new where the job would run.
    """

    def __init__(self, params: Params, stamp: bool):
        self.params, jobs, reasons = params, graph.jobs(params), stale(params)
        self.waiting = {path for job in jobs if job.name in reasons for path in job.outputs}
        for job in jobs if stamp else []:
            _age(_stamp(job.record), new=job.name in reasons)

    def inputs(self, stage: str) -> Callable[[Any], list[str]]:
        """A job's input files; the age counts of those alone that are made again (a cache may have set the others')."""
        from snakemake.io import ancient

        def find(wildcards: Any) -> list[str]:
            paths = graph.job(self.params, stage, dict(wildcards.items())).inputs
            return [str(path) if path in self.waiting else ancient(str(path)) for path in paths]

        return find

    def stamp(self, stage: str) -> str:
        return str(_stamp(Path(graph.STAGES[stage].record)))

    def log(self, stage: str) -> str:
        return str(paths.work("logs", Path(graph.STAGES[stage].record)).with_suffix(".log"))


def agree(params: Params) -> str:
    """Record every job whose results are current as current in dvc.lock too, each by its name; say how many."""
    dvc.write()
    jobs = graph.jobs(params)
    current = [job for job in jobs if not provenance.reasons(job, params)]
    if current:
        _commit(dvc.addresses(current))
    return f"DVC knows {len(current)} of the study's {len(jobs)} jobs as up to date"


def _commit(names: list[str]) -> None:
    # An engine that was killed may have left its own `dvc commit` running, which holds DVC's lock for a moment.
    done = subprocess.run(
        ["dvc", "--wait-for-lock", "commit", "--force", *names], capture_output=True, text=True, check=False
    )
    if done.returncode:
        reason = " ".join(done.stderr.split()) or "it did not say why"
        raise BadInput(f"DVC did not take note of what is current: {reason}; then run `python -m pipeline agree` again")


def _stamp(record: Path) -> Path:
    return paths.work("stamps", record).with_suffix(".stamp")


def _age(stamp: Path, new: bool) -> None:
    stamp.parent.mkdir(parents=True, exist_ok=True)
    if new or not stamp.exists():
        stamp.write_text(str(time.time_ns()))  # Snakemake takes no notice of a newer file with the old content
    if not new:
        os.utime(stamp, (LONG_AGO, LONG_AGO))
