"""Whether a trained network is alive: its losses, gradients, ReLUs, gates, and whether its numbers are numbers.

Everything is measured on a copy, with torch's generator as it was: no bit of the training depends on it.
"""

import copy
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map

from pipeline.training import loop, losses
from pipeline.utils import device

FRAMES = 32
"""Training frames, evenly spaced, that ReLUs and gates are watched on."""
SATURATED = 0.05, 0.95
"""A gate below the first or above the second is saturated: its sigmoid passes less than a fifth of the gradient."""
SCALE = 1024.0
"""Of the loss before its gradient is taken: in float16 small gradients become 0 without it."""
RELU = torch.ops.aten.relu.default, torch.ops.aten.relu_.default
SIGMOID = torch.ops.aten.sigmoid.default


def step(model: nn.Module, images: Tensor, labels: Tensor, loss: str, seed: int, where: torch.device) -> dict[str, Any]:
    """Loss, and gradient norm by part, of a training step that is not taken, on a batch (Nx3xHxW, NxHxW).

    `loss` is the recipe's. `guessing` is the loss of equal scores: for cross entropy the logarithm of the number of
    classes, times the weights of the outputs.
    """
    model = copy.deepcopy(model).to(where, memory_format=torch.channels_last).train()
    with torch.random.fork_rng():
        loop.seed_dropout(seed, 0)
        with device.half_precision(where):
            outputs = model(images.to(where, memory_format=torch.channels_last))
        _, value = losses.objective(model, outputs, labels.to(where), loss)
        (SCALE * value).backward()
        equal = tree_map(torch.zeros_like, outputs)
        _, guessing = losses.objective(model, equal, labels.to(where), loss)
    squares: dict[str, float] = defaultdict(float)
    for name, parameter in model.named_parameters():
        if parameter.grad is not None:
            squares[part(name)] += float((parameter.grad.double() / SCALE).square().sum())
    return {
        "loss": _number(value.detach()),
        "guessing": _number(guessing.detach()),
        "gradients": {name: _number(math.sqrt(square)) for name, square in squares.items()},
    }


def look(model: nn.Module, batches: Iterable[Tensor], where: torch.device) -> dict[str, Any]:
    """By part, over batches Nx3xHxW of whole frames in evaluation mode, with the running statistics of batch norm:

    `dead_relu`, the share of ReLU channels that are 0 at every pixel of every frame; of the gates (what a method
    `gates` of a module gives, or a sigmoid of one value an image and channel) the standard deviation `between_images`
    as a mean over channels, and of the sigmoids the share that is `saturated` and the standard deviation of their
    `input`; and which parts hold `weights` or batch norm `statistics` that are `not_finite`.
    """
    watch = _Watch(copy.deepcopy(model).to(where, memory_format=torch.channels_last).eval())
    for images in batches:
        watch.see(images.to(where, memory_format=torch.channels_last))
    sigmoids, inputs = watch.seen("sigmoid"), watch.seen("input")
    gates = {name: {"between_images": _spread(values, 0)} for name, values in (sigmoids | watch.seen("gates")).items()}
    for name, values in sigmoids.items():
        gates[name] |= {"saturated": _saturated(values), "input": _spread(inputs[name])}
    return {
        "dead_relu": {name: _number(1 - alive.any(0).float().mean()) for name, alive in watch.seen("relu").items()},
        "gates": gates,
        "saturated": list(SATURATED),
        "not_finite": {
            "weights": _not_finite(model.named_parameters()),
            "statistics": _not_finite(model.named_buffers()),
        },
    }


def part(name: str) -> str:
    """Of which part of a network a module or tensor of this dotted name is: "backbone of network 2", "decoder", ...

    A network that is no aggregation has the parts that its class names; what is in none of them is of "the network".
    """
    words = (name or "the network").split(".")
    if words[:2] == ["structure", "networks"] and len(words) > 3:
        return f"{words[3]} of network {int(words[2]) + 1}"
    return words[1] if words[0] == "structure" and len(words) > 1 else words[0]


class _Watch(TorchDispatchMode):
    """A network at work: what its ReLUs, sigmoids and gates give, by part."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model, self.running = model, list[str]()
        self.batches: dict[tuple[str, str], list[Tensor]] = defaultdict(list)
        for name, module in model.named_modules():
            module.register_forward_pre_hook(lambda *_, name=name: self.running.append(part(name)))
            module.register_forward_hook(lambda *_: self.running.__delitem__(-1))
            if hasattr(module, "gates"):
                module.gates = partial(self._noted, module.gates)

    @torch.no_grad()
    def see(self, images: Tensor) -> None:
        """Watch one batch."""
        self.batch = defaultdict[tuple[str, str], list[Tensor]](list)
        with self, device.half_precision(images.device):
            self.model(images)
        for key, values in self.batch.items():
            self.batches[key].append(torch.cat(values, dim=1))

    def seen(self, kind: str) -> dict[str, Tensor]:
        """By part, of all batches: gates and what sigmoids give and are given, NxC; whether ReLUs live, batches x C."""
        return {name: torch.cat(batches) for (what, name), batches in self.batches.items() if what == kind}

    def __torch_dispatch__(self, function, types, arguments=(), named=None):
        output = function(*arguments, **(named or {}))
        if function in RELU:
            self._note("relu", (output > 0).transpose(0, 1).flatten(1).any(1)[None])
        if function is SIGMOID and output.dim() > 1 and output.shape[:2].numel() == output.numel():
            self._note("sigmoid", output)
            self._note("input", *arguments)
        return output

    def _noted(self, gates: Callable[[Tensor], Tensor], features: Tensor) -> Tensor:
        found = gates(features)
        self._note("gates", found)
        return found

    def _note(self, kind: str, values: Tensor) -> None:
        self.batch[kind, self.running[-1]].append(values.float().flatten(1))


def _saturated(gates: Tensor) -> float | None:
    low, high = SATURATED
    return _number(((gates < low) | (gates > high)).float().mean())


def _spread(values: Tensor, *over: int) -> float | None:
    """The standard deviation, over a dimension and then a mean, or over all values."""
    return _number(values.std(over or None, correction=0).mean())


def _not_finite(tensors: Iterator[tuple[str, Tensor]]) -> list[str]:
    return sorted({part(name) for name, tensor in tensors if not tensor.isfinite().all()})


def _number(value: float | Tensor) -> float | None:
    """Six digits of it; None, which JSON knows, for what is no finite number."""
    return float(f"{float(value):.6g}") if math.isfinite(value) else None
