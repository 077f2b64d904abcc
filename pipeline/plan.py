"""What a study would run, why, and what it costs, before anything starts."""

from collections import Counter
from pathlib import Path

from pipeline import power
from pipeline.config.params import Params
from pipeline.data import registry
from pipeline.graph import graph
from pipeline.graph.graph import Job
from pipeline.graph.stale import stale
from pipeline.planning import amounts
from pipeline.utils import files
from pipeline.utils.errors import BadInput


def plan(params: Params, cores: int) -> str:
    """Jobs by stage with reasons, frames, disk, time, and what cannot act at the study's sizes, for a terminal."""
    study, found = params.study, stale(params)
    lines = [f"{study.name}: {study.title}", "", f"{'stage':<16}{'jobs':>5}{'to run':>8}  why"]
    for stage in graph.STAGES:
        names = [job.name for job in graph.jobs(params) if job.stage == stage]
        waiting = [name for name in names if name in found]
        lines.append(f"{stage:<16}{len(names):>5}{len(waiting):>8}  {_why([found[name] for name in waiting])}")
    lines += [
        "",
        *_frames(params),
        _disk(params),
        _time(params, [job for job in graph.jobs(params) if job.name in found], cores),
        *_sizes(params),
    ]
    lines += [power.summary(params, power.find_pilot(params))]
    return "\n".join(lines)


def _why(reasons: list[list[str]]) -> str:
    """The reasons of a stage's jobs, the most common first; one that follows from another stage's run comes last."""
    first = Counter(next((r for r in all_ if not r.endswith("is rebuilt")), all_[0]) for all_ in reasons)
    shown = [f"{reason} ({count})" if count > 1 else reason for reason, count in first.most_common(3)]
    return "; ".join(shown + (["…"] if len(first) > 3 else []))


def _frames(params: Params) -> list[str]:
    study, training = params.study, params.recipes[params.study.recipe].training
    runs, seen = len(study.variants) * len(study.seeds), amounts.frames_seen(params, study.recipe)
    if seen is None:
        return [f"frames     unknown: {_missing(params)}"]
    size = "x".join(map(str, training.crop_size))
    return [f"frames     {runs} runs of {seen:,} frames at {size} ({training.epochs} epochs each)"]


def _missing(params: Params) -> str:
    try:
        registry.open_source(params.study.data, params.data[params.study.data])
    except BadInput as error:
        return str(error)
    return "no frames found"


def _disk(params: Params) -> str:
    waiting = [
        job.wildcards["data"] for job in graph.jobs(params) if job.stage == "prepare" and not job.record.exists()
    ]
    free = files.size(files.free_space(Path.cwd()))
    try:
        needed = files.size(sum(_bytes(params, name) for name in waiting))
    except BadInput as error:
        return f"disk       unknown: {error}"
    return f"disk       {needed} of prepared data still to write, {free} free"


def _bytes(params: Params, name: str) -> int:
    """The size of a data set's arrays: RGB, labels, and instances where the set has them."""
    spec = params.data[name]
    source = registry.open_source(name, spec)
    names = {split: source.names(split) for split in registry.splits(spec)}
    if spec.kind in ("crops", "images"):
        return sum(map(len, names.values())) * spec.size**2 * 3
    split, first = next((split, frames[0]) for split, frames in names.items())
    return sum(map(len, names.values())) * sum(a.nbytes for a in source.read(split, first) if a is not None)


def _time(params: Params, waiting: list[Job], cores: int) -> str:
    """The time of the jobs to run, from a few training steps timed now."""
    if amounts.frames_seen(params, params.study.recipe) is None:
        return "time       unknown without the data"
    if not waiting:
        return "time       nothing to run"
    from pipeline.planning.cost import GPU, Cost
    from pipeline.planning.steps import on_gpu

    cost = {name: seconds or 0.0 for name, seconds in Cost().of(params, waiting).items()}
    total = sum(cost.values())
    if on_gpu():  # its jobs run one at a time (profiles/default), and the others beside them
        alone = sum(cost[job.name] for job in waiting if job.stage in GPU)
        estimate = max(alone, total / cores)
        return f"time       about {_minutes(estimate)} on the GPU, one job at a time"
    # Pretraining is one job that everything else waits for.
    pretraining = [cost[job.name] for job in waiting if job.stage == "pretrain"]
    first = sum(pretraining) / max(1, len(pretraining))
    side_by_side = min(cores, len(params.study.variants) * len(params.study.seeds))
    estimate = first + (total - first) / side_by_side
    return (
        f"time       about {_minutes(estimate)} with {cores} jobs side by side, {_minutes(total)} one after the other"
    )


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _sizes(params: Params) -> list[str]:
    """A line for each structure that is none at the size trained on or scored."""
    from pipeline.complexity import reach

    study, training = params.study, params.recipes[params.study.recipe].training
    variants = {name: params.variants[name] for name in study.variants}
    sizes = (training.crop_size, training.frame_size)
    return [f"sizes      {each}" for each in reach.warnings(variants, _classes(params), sizes)]


def _classes(params: Params) -> int:
    return len(registry.classes(params.data[params.study.data].kind))
