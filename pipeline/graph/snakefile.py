"""What the Snakefile needs besides patterns: which jobs are out of date, and what they take."""

import atexit
import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from pipeline.config import params, paths
from pipeline.config.params import Params
from pipeline.graph import graph
from pipeline.graph.stale import stale
from pipeline.utils.errors import BadInput, Diverged, Interrupted, did_you_mean, one_line

SENTENCES = [f"{kind.__module__}.{kind.__qualname__}" for kind in (BadInput, Diverged, Interrupted)]
SENTENCES.append("models.build.NotANetwork")
"""How a traceback begins its last line for errors that a user can correct."""

LONG_AGO = 946684800
"""The age of the stamp of a job that is current (2000-01-01): older than any output."""


def load(config: dict[str, Any]) -> Params:
    """The parameters with the study that `--config study=NAME` names. A mistake ends Snakemake with its sentence."""
    with _sentence_alone():
        unknown = [key for key in config if key != "study"]
        if unknown:
            near = did_you_mean(unknown[0], ["study"])
            raise BadInput(f"--config {unknown[0]} is unknown{near}; allowed is study, as in --config study=camvid")
        return params.load(str(config["study"]) if "study" in config else None)


@contextlib.contextmanager
def _sentence_alone() -> Iterator[None]:
    """End Snakemake with the sentence of a mistake, which it would show between the names of files."""
    try:
        yield
    except BadInput as error:
        sys.exit(f"error: {one_line(str(error))}")


class Inputs:
    """The inputs of a study's jobs as Snakemake should see them; and each job's stamp, which tells it what to run.

    A stamp is newer than its job's outputs if the job is out of date, else older. Every other input is `ancient` unless
    a job of this run makes it: its age says nothing, because either engine, or a copy, may have set it.
    """

    def __init__(self, params: Params, workflow: Any):
        with _sentence_alone():
            self._params, jobs, reasons = params, graph.jobs(params), stale(params)
        waiting = [job for job in jobs if job.name in reasons]
        self._rebuilt = {path for job in waiting for path in job.output_files}
        if workflow.is_main_process:  # the process that it starts for each job must leave the stamps as they are
            atexit.register(Failures(params).say)
            _none_ahead({path for job in jobs for path in (*job.input_files, *job.output_files)})
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


class Failures:
    """Why jobs of this run failed. Snakemake prints a job's own sentence long before it ends."""

    def __init__(self, params: Params):
        self._params, self._began = params, time.time()

    def say(self) -> None:
        """Print a sentence for each failed job, alone on its line."""
        for sentence in self.sentences():
            print(sentence, file=sys.stderr)

    def sentences(self) -> list[str]:
        """What ended each job that failed since this run began, by the last line of its log."""
        written = [job for job in graph.jobs(self._params) if job.log.exists() and not job.record.exists()]
        failed = [job for job in written if job.log.stat().st_mtime >= self._began]
        return [f"error: {job.name}: {one_line(_reason(job.log))}" for job in failed]


def _reason(log: Path) -> str:
    *_, last = log.read_text(errors="replace").strip().splitlines() or [""]
    kind, _, sentence = last.partition(": ")
    return sentence if kind in SENTENCES else f"{last} (see {log})"


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


def _none_ahead(paths: Iterable[Path]) -> None:
    """Date back what is dated ahead, as after a clock was set back: no stamp is newer, and no output made now."""
    now = time.time()
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime > now:
                os.utime(path, (LONG_AGO, LONG_AGO))
