"""How a training step is run: eager, captured in a CUDA graph, or compiled; and a short trial of the first two.

A step of DFANet A is some 2,100 operations. Started one by one from Python, the small ones leave a GPU waiting.
"""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from pipeline.utils import device as devices
from pipeline.utils.errors import BadInput

if TYPE_CHECKING:
    from pipeline.training.steps import Step

Run = Callable[[Tensor, Tensor, float], None]
"""Takes one step on images and labels that are on the device, at a learning rate."""
WARM_UP = 3
"""Steps before a capture, for cuDNN's trials and lazy initialisation, which a graph must not hold."""
TRIAL = 20
"""Steps of a trial."""
COMPILE: dict[str, Any] = {"mode": "reduce-overhead"}
"""Options of torch.compile: fused kernels, in CUDA graphs that torch keeps."""


def choose(step: "Step", images: Tensor, labels: Tensor) -> tuple[str, Run]:
    """Return the recipe's mode and a function that takes steps in it; "auto" is the faster of eager and captured.

    `images` and `labels` are a first batch on the device. Nothing is trained on it. Raises `BadInput` if a step is to
    be captured without a GPU.
    """
    mode, on_gpu = step.recipe.step, step.device.type == "cuda"
    if mode == "captured" and not on_gpu:
        raise BadInput('the recipe\'s step is "captured", which needs a CUDA GPU; write eager or auto')
    if mode == "auto":
        capturable = on_gpu and step.group.count == 1 and not step.scaler.is_enabled()
        mode = faster(step, images, labels) if capturable else "eager"
    return mode, MODES[mode](step, images, labels)


def eager(step: "Step", images: Tensor, labels: Tensor) -> Run:
    """Run each operation as Python comes to it."""
    return step.take


def compiled(step: "Step", images: Tensor, labels: Tensor) -> Run:
    """Compile forward pass, loss and backward pass, which takes minutes. The optimiser is one kernel anyway."""
    step.compute = torch.compile(step.compute, **COMPILE)
    return step.take


class Captured:
    """Capture a whole step in a CUDA graph (PyTorch's notes on CUDA semantics, whole-network capture) and replay it."""

    def __init__(self, step: "Step", images: Tensor, labels: Tensor):
        # A graph reads and writes the memory that it was captured with: batches and rates are copied into it.
        self.images, self.labels = images.clone(), labels.clone()
        self.rate = torch.zeros((), device=step.device)
        for group in step.optimiser.param_groups:
            group |= {"capturable": True} if "capturable" in group else {}
        with undone(step), devices.side_stream():
            for _ in range(WARM_UP):
                step.take(self.images, self.labels, self.rate)
        step.optimiser.zero_grad(set_to_none=True)  # so that the graph allocates the gradients
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            step.take(self.images, self.labels, self.rate)

    def __call__(self, images: Tensor, labels: Tensor, rate: float) -> None:
        """Take one step."""
        self.images.copy_(images, non_blocking=True)
        self.labels.copy_(labels, non_blocking=True)
        self.rate.fill_(rate)
        self.graph.replay()


MODES: dict[str, Callable[["Step", Tensor, Tensor], Run]] = {
    "eager": eager,
    "captured": Captured,
    "compiled": compiled,
}


def faster(step: "Step", images: Tensor, labels: Tensor) -> str:
    """Return which of eager and captured takes less time; eager if the step cannot be captured."""
    seconds = {}
    for mode in ("eager", "captured"):
        with undone(step):
            try:
                seconds[mode] = timed(MODES[mode](step, images, labels), images, labels)
            except RuntimeError as error:
                print(f"the step cannot be {mode}: {str(error).splitlines()[0]}", file=sys.stderr, flush=True)
    said = ", ".join(f"{mode} {1000 * value:.1f} ms" for mode, value in seconds.items())
    print(f"a training step takes: {said}", file=sys.stderr, flush=True)
    return min(seconds, key=lambda mode: seconds[mode])


def timed(run: Run, images: Tensor, labels: Tensor, steps: int = TRIAL) -> float:
    """Return the seconds of one step, from the mean of `steps` after a few others."""
    for count in (WARM_UP, steps):
        _wait(images.device)
        started = time.perf_counter()
        for _ in range(count):
            run(images, labels, 0.0)
        _wait(images.device)
    return (time.perf_counter() - started) / steps


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


@contextlib.contextmanager
def undone(step: "Step") -> Iterator[None]:
    """Take back the steps taken inside: weights, statistics, the optimiser's state, sums and random numbers.

    Tensors keep their memory. Those that the optimiser made inside become 0, from which it continues as if new.
    """
    groups = step.optimiser.param_groups
    options = [{name: value for name, value in group.items() if name != "params"} for group in groups]
    before = {id(tensor): tensor.detach().clone() for tensor in _tensors(step)}
    with torch.random.fork_rng([torch.cuda.current_device()] if step.device.type == "cuda" else []):
        yield
    with torch.no_grad():
        for tensor in _tensors(step):
            tensor.copy_(before[id(tensor)]) if id(tensor) in before else tensor.zero_()
    for group, option in zip(groups, options, strict=True):
        group.update(option)


def _tensors(step: "Step") -> list[Tensor]:
    """All tensors that a step changes. `state_dict` would give new objects for the same memory at each call."""
    states = [value for state in step.optimiser.state.values() for value in state.values()]
    found = [*step.model.parameters(), *step.model.buffers(), *vars(step.totals).values(), *states]
    return [value for value in found if isinstance(value, Tensor)]
