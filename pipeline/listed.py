"""What `python -m pipeline batch` does with a list of studies: plan it, run it, say what became of it, and pack it."""

from collections import Counter
from collections.abc import Callable
from itertools import groupby
from pathlib import Path

from pipeline import parcel
from pipeline.batch import Batch
from pipeline.config import lists, params
from pipeline.doctor import packages
from pipeline.graph import graph
from pipeline.graph.stages import STAGES
from pipeline.planning import queue, side_by_side, steps
from pipeline.planning.cost import Cost, work
from pipeline.planning.queue import Task
from pipeline.utils.errors import BadInput, did_you_mean
from pipeline.utils.parallel import cpus

MOST_ON_GPU = 8
"""Jobs that are tried side by side on a GPU."""


class Listed:
    """The jobs of a list that this machine can run, and the stages that it leaves."""

    def __init__(self, name: str):
        self.name, entries = Path(name).stem, lists.load(name)
        for entry in entries:
            _check_stages(name, entry.stages)
        loaded = {entry.study: params.load(entry.study) for entry in entries}
        self.studies = loaded
        tasks = queue.tasks((loaded[entry.study], entry.stages) for entry in entries)
        stages = dict.fromkeys(task.job.stage for task in tasks)
        self.elsewhere = {stage: lacking for stage in stages if (lacking := packages.missing(stage))}
        self.tasks = [task for task in tasks if task.job.stage not in self.elsewhere]
        stuck = [stage for stage in self.elsewhere if stage not in queue.ELSEWHERE]
        if stuck:
            lacking = ", ".join(self.elsewhere[stuck[0]])
            raise BadInput(
                f"{stuck[0]} needs {lacking}, which this Python lacks; docs/gpu-and-cluster.md says how to add it"
            )

    def prepare(self, minutes: float, jobs: int | None) -> Batch:
        """A batch of the jobs; without a number of `jobs`, as many side by side as this machine is fastest with."""
        cost = Cost(steps.measure_apart)
        return Batch(self.name, self.tasks, minutes, jobs or self._side_by_side(), cost)

    def _side_by_side(self) -> int:
        cores = cpus()
        if not steps.on_gpu():
            return cores
        first = next((task for task in self.tasks if task.job.stage == "train"), None)
        found = work(first.params, first.job) if first else None
        return side_by_side.best(found[0][0], min(cores, MOST_ON_GPU)) if found else 1


def _check_stages(name: str, stages: list[str]) -> None:
    for stage in stages:
        if stage not in STAGES or stage in queue.LATER:
            known = [each for each in STAGES if each not in queue.LATER]
            raise BadInput(
                f'{name} names the stage "{stage}"{did_you_mean(stage, known)}; known are {", ".join(known)}'
            )


def planned(batch: Batch) -> str:
    """What would run in which order, and how much of it fits, for a terminal."""
    lines = [f"{'jobs':>5} {'minutes':>8} {'in sum':>8}  what"]
    total, known = 0.0, True
    for what, tasks in groupby(sorted(batch.waiting, key=_places(batch.waiting)), key=_what):
        seconds = [batch.seconds(task) for task in tasks]
        total, known = total + sum(seconds) / batch.jobs, known and all(seconds)
        minutes = f"{sum(seconds) / 60:>8.1f} {total / 60:>8.1f}" if all(seconds) else f"{'?':>8} {'?':>8}"
        lines.append(f"{len(seconds):>5} {minutes}  {what}{'' if total <= batch.left else '  does not fit'}")
    if not known:
        lines.append("?: unknown without the data; `python -m pipeline doctor` says where it is looked for")
    return "\n".join([*lines, f"{batch.before} of {batch.total} jobs are done; {batch.jobs} run side by side"])


def _places(tasks: list[Task]) -> Callable[[Task], int]:
    """The place of a job's row in the plan: that of its first job."""
    first: dict[str, int] = {}
    for task in tasks:
        first.setdefault(_what(task), len(first))
    return lambda task: first[_what(task)]


def _what(task: Task) -> str:
    """What a row of the plan is about. A training and its evaluation are in the same row, and so are all counts."""
    stage, names = task.job.stage, task.job.wildcards
    of = {"train": "variant", "evaluate": "variant", "pretrain": "backbone", "prepare": "data"}.get(stage, "")
    stage = "train and evaluate" if stage in ("train", "evaluate") else stage
    return " ".join(filter(None, (task.params.study.name, stage, names.get(of))))


def summary(listed: Listed, batch: Batch, packed: Path, weights: bool) -> str:
    """What was done, what failed, what is left and why, and how to go on."""
    blocked = [
        task for task in batch.waiting if not task.needs <= {*batch.done, *(each.name for each in batch.waiting)}
    ]
    late = [task for task in batch.waiting if task not in blocked]
    lines = [f"done       {len(batch.finished)} jobs now, {batch.before} before, of {batch.total}"]
    lines += [f"failed     {name}: {why}" for name, why in batch.failed.items()]
    if batch.interrupted:
        lines.append(f"stopped    {_stages(batch.interrupted)}; trainings go on from their last epoch")
    if blocked:
        lines.append(f"waiting    {_stages(blocked)}, for what failed or was stopped")
    if late:
        lines.append(f"left       {_stages(late)}, which would not have ended in time")
    left = [f"{stage} (needs {', '.join(lacking)})" for stage, lacking in listed.elsewhere.items()]
    if left:
        lines.append(f"elsewhere  {', '.join(left)}: `keep --from` makes what is missing")
    megabytes = packed.stat().st_size / 1e6
    lines.append(f"packed     {packed}, {megabytes:.2f} MB, {'with' if weights else 'without'} weights")
    if batch.waiting or batch.interrupted or batch.failed:
        lines.append("next       the same command continues")
    for name, study in listed.studies.items():
        runs = [job.name for job in graph.jobs(study) if job.stage == "evaluate"]
        unfinished = "" if {*runs} <= {*batch.done} else " --unfinished"
        lines.append(f"keep       python -m pipeline keep {name} --from {packed}{unfinished}")
    return "\n".join(lines)


def _stages(tasks: list[Task]) -> str:
    counts = Counter(task.job.stage for task in tasks)
    return ", ".join(f"{count} {stage}" for stage, count in counts.items())


def run(
    name: str, minutes: float, jobs: int | None = None, weights: bool = False, output: Path | None = None,
    dry_run: bool = False,
) -> None:  # fmt: skip
    """Run a list of studies for some minutes and pack the results. `BadInput` if a job failed."""
    listed = Listed(name)
    batch = listed.prepare(minutes, jobs)
    if dry_run:
        print(planned(batch))
        return
    packed = output or Path(f"{listed.name}.zip")
    try:
        batch.run()
    finally:  # also after Ctrl-C: what is done is worth keeping
        failed = [task.job for task in listed.tasks if task.name in batch.failed]
        parcel.pack([task.job for task in listed.tasks], failed, packed, weights)
        print(summary(listed, batch, packed, weights))
    if batch.failed:
        raise BadInput(f"{len(batch.failed)} of {batch.total} jobs failed; the lines above say why")
