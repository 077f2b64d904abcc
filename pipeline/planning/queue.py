"""Which jobs a batch runs, in which order, and which of them to start now."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.config.params import Params
from pipeline.graph import graph
from pipeline.graph.graph import Job

ALONE = ("latency", "forms")
"""Stages that nothing may run beside."""
ELSEWHERE = ("floor", "complexity", "paper", "interpretations")
"""Stages that train and time nothing: they come last, and are made where a study is kept if a batch leaves them."""
LATER = ("analyse", "track")
"""Stages that a batch leaves: `keep` renders a study, and an engine tracks it."""


@dataclass(frozen=True)
class Task:
    """A job of a batch, the study that it was listed for, and the jobs of the batch that it `needs`, by name."""

    job: Job
    params: Params
    needs: frozenset[str]

    @property
    def name(self) -> str:
        return self.job.name

    @property
    def alone(self) -> bool:
        return self.job.stage in ALONE


def tasks(entries: Iterable[tuple[Params, Collection[str]]]) -> list[Task]:
    """The jobs of the listed studies, or of some of their stages, each with what it needs before it.

    Within a study, each variant is trained and scored with every seed before the next variant begins, because a
    variant with half of its seeds decides nothing. The order of the variants is the study's. Counts and floors, which
    need no GPU, come last of all.
    """
    found: dict[str, Task] = {}
    for params, stages in entries:
        jobs = [job for job in graph.jobs(params) if job.stage not in LATER]
        makers = {path: job for job in jobs for path in job.output_files}
        wanted = [job for job in jobs if not stages or job.stage in stages]
        for job in sorted(wanted, key=lambda job: job.stage not in ("train", "evaluate")):  # the runs first
            _add(job, params, makers, found)
    counted_last = sorted(found.values(), key=lambda task: task.job.stage in ELSEWHERE)
    return _scored_when_trained(counted_last)


def _add(job: Job, params: Params, makers: Mapping[Path, Job], found: dict[str, Task]) -> None:
    """Add a job to what was found, behind what it needs."""
    if job.name in found:
        return
    before = {makers[path].name: makers[path] for path in job.input_files if path in makers}
    for each in before.values():
        _add(each, params, makers, found)
    found[job.name] = Task(job, params, frozenset(before))


def _scored_when_trained(tasks: list[Task]) -> list[Task]:
    """Each evaluation right behind its training: without scores, a training is worth nothing."""
    scores = {need: task for task in tasks if task.job.stage == "evaluate" for need in task.needs}
    placed: dict[str, Task] = {}
    for task in tasks:
        placed.setdefault(task.name, task)
        if task.job.stage == "train" and task.name in scores:
            placed.setdefault(scores[task.name].name, scores[task.name])
    return list(placed.values())


def choose(
    waiting: Sequence[Task],
    running: Sequence[Task],
    done: Collection[str],
    seconds: Callable[[Task], float],
    left: float,
) -> Task | None:
    """The first job whose needs are done and which ends in the `left` seconds, or None if none may start now.

    A training counts with its evaluation. A job that runs alone waits until nothing runs, and nothing starts meanwhile.
    """
    if any(task.alone for task in running):
        return None
    for task in waiting:
        if task.needs <= set(done) and seconds(task) + _scoring(task, waiting, seconds) <= left:
            return None if task.alone and running else task
    return None


def _scoring(task: Task, waiting: Sequence[Task], seconds: Callable[[Task], float]) -> float:
    if task.job.stage != "train":
        return 0.0
    return sum(seconds(each) for each in waiting if each.job.stage == "evaluate" and task.name in each.needs)
