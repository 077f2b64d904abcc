"""How a network is run: number type, memory layout and form. One pass of one image, ready to be timed."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn

from models.build import build
from models.initialisation import initialise

if TYPE_CHECKING:
    from pipeline.config.variants import Variant

Pass = Callable[[], Tensor]
"""One forward pass, to be called again and again; returns class scores."""
Form = Callable[[nn.Module, Tensor], Callable[[Tensor], Tensor]]
"""Makes of a network and an example image what is run in its place."""

SEED = 0
"""Of the weights and the image."""

FIRST_PASSES = 3
"""Before all rounds: cuDNN's trials, lazy initialisation, whatever a CUDA graph must not capture."""


def eager(model: nn.Module, image: Tensor) -> nn.Module:
    """The network as it is."""
    return model


def cuda_graph(model: Callable[[Tensor], Tensor], image: Tensor) -> Callable[[Tensor], Tensor]:
    """A CUDA graph of one pass of `image`, captured as torch's notes on CUDA semantics say."""
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(FIRST_PASSES):
            model(image)
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        scores = model(image)

    def replay(image: Tensor, held: object = (model, image)) -> Tensor:
        # A graph reads and writes memory that it does not own: its pass must keep the tensors alive.
        graph.replay()
        return scores

    return replay


class Mode(NamedTuple):
    """How a network is run: channels_last unless the name says contiguous."""

    name: str
    dtype: torch.dtype = torch.float32
    layout: torch.memory_format = torch.channels_last
    form: Form = eager


CPU_MODES = (Mode("eager float32"),)
GPU_MODES = (
    Mode("eager float32"),
    Mode("eager float16", torch.float16),
    Mode("eager float32 contiguous", layout=torch.contiguous_format),
    Mode("eager float16 contiguous", torch.float16, torch.contiguous_format),
    Mode("CUDA graph float32", form=cuda_graph),
    Mode("CUDA graph float16", torch.float16, form=cuda_graph),
)


def untrained(
    variant: "Variant", classes: int, size: tuple[int, int], device: torch.device
) -> tuple[nn.Module, Tensor]:
    """A variant's network with weights drawn from `SEED`, in evaluation mode, and a random image 1x3xHxW for it.

    Its batch norms have the statistics of random images, and 1 as bias, which keeps most features where ReLU changes
    nothing. Without the first, features overflow float16; without the second, a network as deep as these is chaotic
    before training and no two ways to run it would agree.
    """
    model = build(variant.model_dump(), classes)
    initialise(model, SEED)
    images = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(SEED)).to(device)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
            nn.init.ones_(module.bias)
    model.to(device).train()(images)
    return model.eval(), images[:1]


def prepare(model: nn.Module, image: Tensor, mode: Mode) -> Pass:
    """A pass of `image` (1x3xHxW) through `model` in `mode`, after its first passes. Changes the model's type."""
    model = model.to(mode.dtype).to(memory_format=mode.layout)
    image = image.to(mode.dtype).to(memory_format=mode.layout)
    run = mode.form(model, image)
    for _ in range(FIRST_PASSES):
        run(image)
    return partial(run, image)
