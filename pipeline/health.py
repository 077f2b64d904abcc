"""Whether a trained network is alive: its losses, gradients, ReLUs, gates, and whether its numbers are numbers.

Everything is measured on a copy, with torch's generator as it was: no bit of the training depends on it.
"""

import copy
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from pipeline import device, optimise

FRAMES = 32
"""Training frames, evenly spaced, that ReLUs and gates are watched on."""
SATURATED = 0.05, 0.95
"""A gate below the first or above the second is saturated: its sigmoid passes less than a fifth of the gradient."""
SCALE = 1024.0
"""Of the loss before its gradient is taken: in float16 small gradients become 0 without it."""
RELU = torch.ops.aten.relu.default, torch.ops.aten.relu_.default
SIGMOID = torch.ops.aten.sigmoid.default


def step(model: nn.Module, images: Tensor, labels: Tensor, seed: int, where: torch.device) -> dict[str, Any]:
    """Loss and gradient norm by part of a training step on a batch (Nx3xHxW, NxHxW) that is not taken.

    `guessing` is the loss of even scores: the logarithm of the number of classes, times the outputs' weights.
    """
    model = copy.deepcopy(model).to(where, memory_format=torch.channels_last).train()
    with torch.random.fork_rng():
        optimise.seed_dropout(seed, 0)
        with device.half_precision(where):
            outputs = model(images.to(where, memory_format=torch.channels_last))
        scores, loss = optimise.objective(model, outputs, labels.to(where))
        (SCALE * loss).backward()
    squares: dict[str, float] = defaultdict(float)
    for name, parameter in model.named_parameters():
        if parameter.grad is not None:
            squares[part(name)] += float((parameter.grad.double() / SCALE).square().sum())
    return {
        "loss": _number(loss.detach()),
        "guessing": _number(math.log(scores.shape[1]) * (1 + sum(getattr(model, "auxiliary_weights", ())))),
        "gradients": {name: _number(math.sqrt(square)) for name, square in squares.items()},
    }


def look(model: nn.Module, batches: Iterable[Tensor], where: torch.device) -> dict[str, Any]:
    """By part, over batches Nx3xHxW of whole frames in evaluation mode, with the running statistics of batch norm:

    `dead_relu`, the share of ReLU channels that are 0 at every pixel of every frame; of the gates (sigmoids that give
    each image one value a channel, as attention's do) the share that is `saturated`, the standard deviation
    `between_images` as a mean over channels, and that of the sigmoid's `input`; and which parts hold `weights` or
    batch norm `statistics` that are `not_finite`.
    """
    watch = _Watch(copy.deepcopy(model).to(where, memory_format=torch.channels_last).eval())
    for images in batches:
        watch.see(images.to(where, memory_format=torch.channels_last))
    return {
        "dead_relu": watch.dead(),
        "gates": watch.gates(),
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
    """A network at work: what each ReLU and each gate that it computes gives, by part."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model, self.running = model, list[str]()
        self.alive: dict[str, Tensor] = {}
        self.gated: dict[str, list[tuple[Tensor, Tensor]]] = defaultdict(list)
        for name, module in model.named_modules():
            module.register_forward_pre_hook(lambda *_, name=name: self.running.append(part(name)))
            module.register_forward_hook(lambda *_: self.running.__delitem__(-1))

    @torch.no_grad()
    def see(self, images: Tensor) -> None:
        self.relus, self.sigmoids = defaultdict[str, list](list), defaultdict[str, list](list)
        with self, device.half_precision(images.device):
            self.model(images)
        for name, alive in self.relus.items():
            self.alive[name] = self.alive.get(name, False) | torch.cat(alive)
        for name, pairs in self.sigmoids.items():
            gates, inputs = (torch.cat(each, dim=1) for each in zip(*pairs, strict=True))
            self.gated[name].append((gates, inputs))

    def __torch_dispatch__(self, function, types, arguments=(), named=None):
        output = function(*arguments, **(named or {}))
        if function in RELU:
            self.relus[self.running[-1]].append((output > 0).transpose(0, 1).flatten(1).any(1))
        if function is SIGMOID and output.dim() > 1 and output.shape[:2].numel() == output.numel():
            self.sigmoids[self.running[-1]].append([each.float().flatten(1) for each in (output, *arguments)])
        return output

    def dead(self) -> dict[str, float | None]:
        return {name: _number(1 - alive.float().mean()) for name, alive in self.alive.items()}

    def gates(self) -> dict[str, dict[str, float | None]]:
        together = {name: map(torch.cat, zip(*pairs, strict=True)) for name, pairs in self.gated.items()}
        return {name: _behaviour(gates, inputs) for name, (gates, inputs) in together.items()}


def _behaviour(gates: Tensor, inputs: Tensor) -> dict[str, float | None]:
    """Of gates NxC, and of what their sigmoid was given."""
    low, high = SATURATED
    return {
        "saturated": _number(((gates < low) | (gates > high)).float().mean()),
        "between_images": _number(gates.std(0, correction=0).mean()),
        "input": _number(inputs.std(correction=0)),
    }


def _not_finite(tensors: Iterator[tuple[str, Tensor]]) -> list[str]:
    return sorted({part(name) for name, tensor in tensors if not tensor.isfinite().all()})


def _number(value: float | Tensor) -> float | None:
    """Six digits of it; None, which JSON knows, for what is no finite number."""
    return float(f"{float(value):.6g}") if math.isfinite(value) else None
