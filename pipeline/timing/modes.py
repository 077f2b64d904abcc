"""Modes in which a network is run (data type, memory layout, eager or CUDA graph), and a pass in each to be timed."""

import functools
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn

from models.build import build
from models.folding import fold
from models.initialisation import initialise
from pipeline.timing.precision import tf32
from pipeline.utils import device as devices

if TYPE_CHECKING:
    from pipeline.config.variants import Variant

Pass = Callable[[], Tensor]
"""One forward pass, which can be repeated; returns class scores."""
Form = Callable[[nn.Module, Tensor], Callable[[Tensor], Tensor]]
"""Turns a network and an example image into the function that is run instead of the network."""

SEED = 0
"""Seed for the weights and the image."""

FIRST_PASSES = 3
"""Passes before all rounds, for cuDNN's trials and lazy initialisation, which a CUDA graph must not capture."""


def eager(model: nn.Module, image: Tensor) -> nn.Module:
    """Return the network unchanged."""
    return model


@functools.cache
def _first() -> torch.cuda.CUDAGraph:
    """A graph whose memory all others share, which saves gigabytes: they run one at a time, only their time is used.

    It is kept, because memory that no graph uses any more cannot be captured into again.
    """
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        torch.zeros(1, device="cuda")
    return graph


def cuda_graph(model: Callable[[Tensor], Tensor], image: Tensor) -> Callable[[Tensor], Tensor]:
    """Capture one pass of `image` in a CUDA graph, as described in PyTorch's notes on CUDA semantics.

    The scores are valid until another graph runs.
    """
    with devices.side_stream():
        for _ in range(FIRST_PASSES):
            model(image)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, pool=_first().pool()):
        scores = model(image)

    def replay(image: Tensor, held: object = (model, image)) -> Tensor:
        # A graph uses memory that it does not own, so `held` keeps the model and the image alive.
        graph.replay()
        return scores

    return replay


def tf32_graph(model: nn.Module, image: Tensor) -> Callable[[Tensor], Tensor]:
    """Capture a pass in a CUDA graph while float32 tensors are multiplied in TF32; the graph keeps that choice."""
    with tf32():
        return cuda_graph(model, image)


def folded_graph(model: nn.Module, image: Tensor) -> Callable[[Tensor], Tensor]:
    """Capture a pass of the network with its batch norms folded into its convolutions, as it would be deployed."""
    return cuda_graph(fold(model, image), image)


class Mode(NamedTuple):
    """How a network is run; the layout is channels_last unless the name contains `contiguous`."""

    name: str
    dtype: torch.dtype = torch.float32
    layout: torch.memory_format = torch.channels_last
    form: Form = eager

    @property
    def arithmetic(self) -> str:
        """What is multiplied: "tf32" or "bfloat16" if the name says so, otherwise the data type."""
        said = self.name.lower().split()
        return next((name for name in ("tf32", "bfloat16") if name in said), str(self.dtype).removeprefix("torch."))


CPU_MODES = (Mode("eager float32"),)
GPU_MODES = (
    Mode("eager float32"),
    Mode("eager float16", torch.float16),
    Mode("eager float32 contiguous", layout=torch.contiguous_format),
    Mode("eager float16 contiguous", torch.float16, torch.contiguous_format),
    Mode("CUDA graph float32", form=cuda_graph),
    Mode("CUDA graph TF32", form=tf32_graph),
    Mode("CUDA graph float16", torch.float16, form=cuda_graph),
    Mode("folded CUDA graph float16", torch.float16, form=folded_graph),
)


def untrained(
    variant: "Variant", classes: int, size: tuple[int, int], device: torch.device
) -> tuple[nn.Module, Tensor]:
    """Return a variant's network in evaluation mode, with weights drawn from `SEED`, and a random image 1x3xHxW.

    Batch norms take their statistics from random images; otherwise features overflow float16. Their biases are 1, so
    that ReLU leaves most features unchanged; otherwise a network this deep is chaotic before training, and no two
    modes would give the same scores.
    """
    model = build(variant.network, classes)
    initialise(model, SEED)
    images = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(SEED)).to(device)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
            nn.init.ones_(module.bias)
    model.to(device).train()(images)
    return model.eval(), images[:1]


def prepare(model: nn.Module, image: Tensor, mode: Mode) -> Pass:
    """Run the first passes and return a pass of `image` (1x3xHxW) through `model`, which is converted to `mode`."""
    model = model.to(mode.dtype).to(memory_format=mode.layout)
    image = image.to(mode.dtype).to(memory_format=mode.layout)
    run = mode.form(model, image)
    for _ in range(FIRST_PASSES):
        run(image)
    return partial(run, image)
