"""What a study would run, why, and what it costs, before anything starts."""

import time
from collections import Counter
from pathlib import Path

from pipeline import power
from pipeline.config import paths
from pipeline.config.params import Params
from pipeline.config.study import NO_IMAGES
from pipeline.data import reader, registry
from pipeline.graph import graph
from pipeline.graph.stale import stale
from pipeline.utils import files
from pipeline.utils.errors import BadInput

START = 5.0
"""Seconds that a job spends on starting Python and importing its libraries."""


def plan(params: Params, cores: int) -> str:
    """Jobs by stage with reasons, frames, disk, time, and what cannot act at the study's sizes, for a terminal."""
    study, found = params.study, stale(params)
    lines = [f"{study.name}: {study.title}", "", f"{'stage':<16}{'jobs':>5}{'to run':>8}  why"]
    for stage in graph.STAGES:
        names = [job.name for job in graph.jobs(params) if job.stage == stage]
        waiting = [name for name in names if name in found]
        lines.append(f"{stage:<16}{len(names):>5}{len(waiting):>8}  {_why([found[name] for name in waiting])}")
    lines += ["", *_frames(params), _disk(params), _time(params, set(found), cores), *_sizes(params)]
    lines += [power.summary(params, power.find_pilot(params))]
    return "\n".join(lines)


def _why(reasons: list[list[str]]) -> str:
    """The reasons of a stage's jobs, the most common first; one that follows from another stage's run comes last."""
    first = Counter(next((r for r in all_ if not r.endswith("is rebuilt")), all_[0]) for all_ in reasons)
    shown = [f"{reason} ({count})" if count > 1 else reason for reason, count in first.most_common(3)]
    return "; ".join(shown + (["…"] if len(first) > 3 else []))


def count(params: Params, name: str, split: str) -> int | None:
    """How many frames or images a split has; None where the data is not at hand."""
    if name == NO_IMAGES:
        return 0
    try:
        return reader.Prepared(paths.fill(paths.PREPARED, data=name)).splits[split]["count"]
    except (BadInput, KeyError):
        pass
    try:
        return len(registry.open_source(name, params.data[name]).names(split))
    except BadInput:
        return None


def frames_seen(params: Params, variant: str | None = None) -> int | None:
    """Frames that one run is trained on, over all its epochs; those of the recipe or of a variant that changes it."""
    training = params.training(params.study.recipe, variant)
    counts = [count(params, params.study.data, split) for split in training.splits]
    if None in counts:
        return None
    return sum(counts) // training.batch_size * training.batch_size * training.epochs


def _frames(params: Params) -> list[str]:
    study, training = params.study, params.recipes[params.study.recipe].training
    runs, seen = len(study.variants) * len(study.seeds), frames_seen(params)
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


def _time(params: Params, waiting: set[str], cores: int) -> str:
    """CPU seconds of the jobs to run, from a few training steps timed now; latency has the machine for itself."""
    if frames_seen(params) is None:
        return "time       unknown without the data"
    if not waiting:
        return "time       nothing to run"
    step, seen = _measured(params), {name: frames_seen(params, name) for name in params.study.variants}
    training = params.recipes[params.study.recipe].training
    images = count(params, params.study.images, "train") or 0
    scored = count(params, params.study.data, training.score) or 0
    epochs = params.recipes[params.study.recipe].pretraining.epochs
    cost = {
        job.name: START
        + {
            "pretrain": lambda job: images * epochs * step["pretrain"],
            "train": lambda job: seen[job.wildcards["variant"]] * step[job.wildcards["variant"]],
            "evaluate": lambda job: scored * step[job.wildcards["variant"]],
        }.get(job.stage, lambda job: 0.0)(job)
        for job in graph.jobs(params)
    }
    total = sum(cost[name] for name in waiting)
    # Pretraining is one job that everything else waits for.
    pretraining = [cost[name] for name in waiting if name.startswith("pretrain")]
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


def _measured(params: Params) -> dict[str, float]:
    """Seconds a frame of each variant's training step, and an image of pretraining's, timed here and now."""
    from models.build import build
    from models.network import Classifier

    recipe, study = params.recipes[params.study.recipe], params.study
    seconds = {
        name: _step(build(params.variants[name].network, _classes(params)), recipe.training.crop_size)
        for name in study.variants
    }
    backbones = [job.wildcards["backbone"] for job in graph.jobs(params) if job.stage == "pretrain"]
    side = params.data[study.images].size if backbones else 0
    return seconds | {"pretrain": max((_step(Classifier(name), (side, side)) for name in backbones), default=0.0)}


def _step(model, size: tuple[int, int]) -> float:
    import torch

    from pipeline.utils import device

    where = device.choose(1)
    batch = max(2, min(16, 200_000 // (size[0] * size[1])))
    images = torch.zeros(batch, 3, *size, device=where).contiguous(memory_format=torch.channels_last)
    model = model.to(where, memory_format=torch.channels_last).train()
    for _ in range(2):  # the first pass also allocates
        started = time.perf_counter()
        outputs = model(images)
        sum(scores.square().mean() for scores in (outputs if isinstance(outputs, tuple) else (outputs,))).backward()
        if where.type == "cuda":
            torch.cuda.synchronize()
    return (time.perf_counter() - started) / batch
