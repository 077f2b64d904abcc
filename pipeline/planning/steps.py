"""Seconds that a network takes for a frame in training, and for a pass: a few of each, timed here and now."""

import time
from collections.abc import Callable
from multiprocessing import get_context
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from models.build import build
from models.network import Classifier
from pipeline.utils import device as devices
from pipeline.utils.errors import BadInput

CPU_PIXELS = 200_000
"""Pixels of the batch that a CPU is timed with, which takes as long for a frame of any batch."""
REPEATED = 2
"""Times that each is run. The last is taken, because the first also allocates."""


class Step(NamedTuple):
    """What is timed: a variant's network with its number of classes, or a backbone by its name, on images of `size`.

    It trains a `batch` of them, or passes one image through if `batch` is 0.
    """

    network: dict[str, Any] | str
    classes: int
    size: tuple[int, int]
    batch: int = 0


def measure(steps: list[Step]) -> list[float]:
    """Seconds of each step: for a frame of a training batch, or for a pass of one image."""
    return [_seconds(step) for step in steps]


def measure_apart(steps: list[Step]) -> list[float]:
    """The same in a process of its own, so that a caller that then starts jobs holds no memory of the GPU."""
    with get_context("spawn").Pool(1) as pool:
        try:
            return pool.apply(measure, (steps,))
        except RuntimeError as error:  # torch's for all that a device refuses
            raise BadInput(
                f"a training step fails on this machine: {error}; `python -m pipeline doctor` says more"
            ) from error


def on_gpu() -> bool:
    """Whether jobs compute on a GPU."""
    return torch.cuda.is_available()


def repeated(step: Step) -> Callable[[], None]:
    """A step that can be repeated, and ends when the device is done."""
    model, images = _made(step, _batch(step))
    model.train(step.batch > 0)

    def run() -> None:
        with torch.inference_mode(not step.batch):
            outputs = model(images)
            if step.batch:
                found = outputs if isinstance(outputs, tuple) else (outputs,)
                sum(scores.square().mean() for scores in found).backward()
        if images.is_cuda:
            torch.cuda.synchronize()

    return run


def _batch(step: Step) -> int:
    """The images of a step: fewer than the recipe's on a CPU, and at least the two that batch norms need."""
    if not step.batch:
        return 1
    return step.batch if on_gpu() else max(2, min(step.batch, CPU_PIXELS // (step.size[0] * step.size[1])))


def _made(step: Step, batch: int) -> tuple[nn.Module, Tensor]:
    device = devices.choose(1)
    model = Classifier(step.network) if isinstance(step.network, str) else build(step.network, step.classes)
    images = torch.zeros(batch, 3, *step.size, device=device).contiguous(memory_format=torch.channels_last)
    return model.to(device, memory_format=torch.channels_last), images


def _seconds(step: Step) -> float:
    run = repeated(step)
    for _ in range(REPEATED):
        started = time.perf_counter()
        run()
    return (time.perf_counter() - started) / _batch(step)
