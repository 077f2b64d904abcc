"""Seconds that jobs would take: what a step takes now, times the frames or passes of the job."""

import time
from collections.abc import Callable, Iterable, Sequence
from itertools import product

from pipeline.config.params import Params
from pipeline.data import registry
from pipeline.deployment import forms
from pipeline.graph import graph
from pipeline.graph.graph import Job
from pipeline.planning import amounts, steps
from pipeline.planning.queue import ALONE
from pipeline.planning.rates import START
from pipeline.planning.steps import Step
from pipeline.timing import latency, modes
from pipeline.timing.latency import Size
from pipeline.utils import device as devices
from pipeline.utils.errors import BadInput

GPU = ("pretrain", "train", "evaluate", *ALONE)
"""Stages that use a GPU where there is one."""
BESIDES = {"latency": 10.0, "forms": 120.0, "floor": 20.0, "complexity": 5.0, "paper": 10.0, "interpretations": 60.0}
"""Seconds on two cores of a small server of what is not counted in steps: ceilings, compilers, counts, the forest."""

Work = tuple[Step, int]
"""What is repeated, and how often."""


class Cost:
    """Seconds of jobs. A step is timed when a job first takes it, and once."""

    def __init__(self, measure: Callable[[list[Step]], list[float]] = steps.measure):
        self._measure = measure
        self._seconds: dict[str, float] = {}

    def of(self, params: Params, jobs: Iterable[Job]) -> dict[str, float | None]:
        """Seconds by the jobs' names; None where the data is not at hand."""
        works = {job.name: (job, work(params, job)) for job in jobs}
        wanted = {repr(step): step for _, found in works.values() for step, _ in found or []}
        new = [key for key in wanted if key not in self._seconds]
        if new:
            self._seconds |= zip(new, self._measure([wanted[key] for key in new]), strict=True)
        return {name: self._sum(params, job, found) for name, (job, found) in works.items()}

    def _sum(self, params: Params, job: Job, found: list[Work] | None) -> float | None:
        if found is None:
            return None
        reading = _reading(params, job.wildcards["data"]) if job.stage == "prepare" else 0.0
        repeated = sum(self._seconds[repr(step)] * times for step, times in found)
        return START + BESIDES.get(job.stage, 0.0) + reading + repeated


def work(params: Params, job: Job) -> list[Work] | None:
    """The steps that a job takes; None where the data that it needs is not at hand."""
    match job.stage:
        case "prepare":
            return [] if _reading(params, job.wildcards["data"]) is not None else None
        case "pretrain":
            return _pretraining(params, job)
        case "train" | "evaluate":
            return _run(params, job)
        case "latency":
            return _passes(params, params.study.variants, (modes.CPU_MODES, modes.GPU_MODES), params.study.timed_over)
        case "forms":
            return _passes(params, [job.wildcards["variant"]], (forms.CPU_FORMS, forms.GPU_FORMS))
    return []


def _pretraining(params: Params, job: Job) -> list[Work] | None:
    images, spec = job.wildcards["images"], params.data[job.wildcards["images"]]
    recipe = params.recipes[graph.pretrainings(params)[job.wildcards["pretraining"]]].pretraining
    number = amounts.count(params, images, "train")
    step = Step(job.wildcards["backbone"], 0, (spec.size, spec.size), recipe.batch_size)
    return None if number is None else [(step, number * recipe.epochs)]


def _run(params: Params, job: Job) -> list[Work] | None:
    """A frame of an evaluation is counted like one of training: it is resized, scored and compared besides."""
    recipe, variant = job.wildcards["recipe"], job.wildcards["variant"]
    training = params.training(recipe, variant)
    step = Step(params.variants[variant].network, _classes(params), tuple(training.crop_size), training.batch_size)
    number = (
        amounts.frames_seen(params, recipe, variant)
        if job.stage == "train"
        else amounts.count(params, params.study.data, training.score)
    )
    return None if number is None else [(step, number)]


def _passes(
    params: Params,
    variants: list[str],
    by_device: tuple[tuple[modes.Mode, ...], ...],
    over: Sequence[Size] = (),
) -> list[Work]:
    """Each variant in each mode of this machine, and over sizes in the first and the last, in every round.

    Rows that are timed again because they were unstable are few, and not counted.
    """
    protocol, size = params.latency, params.recipes[params.study.recipe].training.frame_size
    sizes = {name: tuple(params.study.timed_at.get(name, size)) for name in variants}
    device, largest = devices.choose(protocol.threads), latency.most_pixels(sizes)
    chosen = by_device[device.type == "cuda"]
    turns = protocol.rounds * (protocol.warmup + protocol.samples) + modes.FIRST_PASSES

    def passes(name: str, size: Size, number: int) -> Work:
        return Step(params.variants[name].network, _classes(params), tuple(size)), number * turns

    fitted = {name: latency.fitting(at, protocol, device, largest) for name, at in sizes.items()}
    swept = len({chosen[0], chosen[-1]})
    return [passes(name, at, len(chosen)) for name, at in fitted.items()] + [
        passes(name, at, swept) for name, at in product(variants, over)
    ]


def _reading(params: Params, data: str) -> float | None:
    """Seconds that reading all of a data set takes, from its first frame; None where it is not at hand."""
    try:
        source = registry.open_source(data, params.data[data])
        names = {split: source.names(split) for split in registry.splits(params.data[data])}
    except BadInput:
        return None
    split, first = next((split, names) for split, names in names.items())
    started = time.perf_counter()
    source.read(split, 0 if params.data[data].kind in ("crops", "images") else first[0])
    return (time.perf_counter() - started) * sum(map(len, names.values()))


def _classes(params: Params) -> int:
    return len(registry.classes(params.data[params.study.data].kind))
