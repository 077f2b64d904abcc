"""Training health: losses, gradients, dead ReLUs, saturated gates, and values that are not finite.

All measurements use a copy of the network and restore torch's random state, so they do not change the training.
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

from pipeline.data.base import IGNORE
from pipeline.training import loop, losses
from pipeline.utils import device as devices

FRAMES = 32
"""Number of evenly spaced training frames on which ReLUs and gates are measured."""
SATURATED = 0.05, 0.95
"""A gate outside these limits is saturated: its sigmoid passes less than a fifth of the gradient."""
SCALE = 1024.0
"""Factor on the loss before its gradient is computed. Without it, small gradients become 0 in float16."""
RELU = torch.ops.aten.relu.default, torch.ops.aten.relu_.default
SIGMOID = torch.ops.aten.sigmoid.default


def step(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    loss: str,
    seed: int,
    device: torch.device,
    precision: str = "float32",
    parts: int = 1,
) -> dict[str, Any]:
    """Compute the loss and gradients of one training step on a batch (Nx3xHxW, NxHxW) without taking the step.

    `loss` and `precision` are the recipe's; batch norm sees one of `parts` at a time. Returns `loss`, `gradients` (the
    norm by part of the network) and `guessing`, the loss of equal class scores. For cross entropy this is the logarithm
    of the number of classes times the sum of the output weights.
    """
    model = copy.deepcopy(model).to(device, memory_format=torch.channels_last).train()
    with torch.random.fork_rng():
        loop.seed_dropout(seed, 0)
        value, guessing = torch.zeros((), device=device), torch.zeros((), device=device)
        labelled = (labels != IGNORE).sum().clamp(min=1)
        for shown, truth, count in losses.parts(images, labels, parts):
            shown, truth = shown.to(device, memory_format=torch.channels_last), truth.to(device)
            share = 1 if parts == 1 else (count / labelled).to(device)
            with devices.autocast(device, precision):
                outputs = model(shown)
            found = losses.objective(model, outputs, truth, loss)[1] * share
            (SCALE * found).backward()
            value += found.detach()
            equal = tree_map(torch.zeros_like, outputs)
            guessing += losses.objective(model, equal, truth, loss)[1].detach() * share
    squares: dict[str, float] = defaultdict(float)
    for name, parameter in model.named_parameters():
        if parameter.grad is not None:
            squares[part(name)] += float((parameter.grad.double() / SCALE).square().sum())
    return {
        "loss": _number(value),
        "guessing": _number(guessing),
        "gradients": {name: _number(math.sqrt(square)) for name, square in squares.items()},
    }


def look(
    model: nn.Module, batches: Iterable[Tensor], device: torch.device, precision: str = "float32"
) -> dict[str, Any]:
    """Measure a network on batches (Nx3xHxW) of whole frames, in evaluation mode and the recipe's `precision`.

    The first two entries are dictionaries by part of the network:

    - `dead_relu`: the fraction of ReLU channels that are 0 at every pixel of every frame.
    - `gates`: for the output of each `gates` method, and of each sigmoid with one value per image and channel, the
      standard deviation `between_images`, averaged over channels. For sigmoids also the fraction `saturated` and the
      standard deviation of their `input`.

    `saturated` holds the two limits, and `not_finite` lists the parts whose `weights` or batch norm `statistics` are
    not finite.
    """
    watch = _Watch(copy.deepcopy(model).to(device, memory_format=torch.channels_last).eval(), precision)
    for images in batches:
        watch.see(images.to(device, memory_format=torch.channels_last))
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
    """Return the part of a network that a module or tensor belongs to: "backbone of network 2", "decoder" and so on.

    `name` is its dotted name. In a network without structure, the parts are the attributes of its class, and anything
    outside them belongs to "the network".
    """
    words = (name or "the network").split(".")
    if words[:2] == ["structure", "networks"] and len(words) > 3:
        return f"{words[3]} of network {int(words[2]) + 1}"
    return words[1] if words[0] == "structure" and len(words) > 1 else words[0]


class _Watch(TorchDispatchMode):
    """Records the outputs of the ReLUs, sigmoids and gates of a running network, by part."""

    def __init__(self, model: nn.Module, precision: str):
        super().__init__()
        self.model, self.precision, self.running = model, precision, list[str]()
        self.batches: dict[tuple[str, str], list[Tensor]] = defaultdict(list)
        for name, module in model.named_modules():
            module.register_forward_pre_hook(lambda *_, name=name: self.running.append(part(name)))
            module.register_forward_hook(lambda *_: self.running.__delitem__(-1))
            if hasattr(module, "gates"):
                module.gates = partial(self._noted, module.gates)

    @torch.no_grad()
    def see(self, images: Tensor) -> None:
        """Run the network on one batch."""
        self.batch = defaultdict[tuple[str, str], list[Tensor]](list)
        with self, devices.autocast(images.device, self.precision):
            self.model(images)
        for key, values in self.batch.items():
            self.batches[key].append(torch.cat(values, dim=1))

    def seen(self, kind: str) -> dict[str, Tensor]:
        """Return the values recorded over all batches, by part.

        Gates, sigmoids and sigmoid inputs are NxC. ReLUs are batches x C, True if the channel is active.
        """
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
    """Return the standard deviation over all values, or the mean of the standard deviations over a dimension."""
    return _number(values.std(over or None, correction=0).mean())


def _not_finite(tensors: Iterator[tuple[str, Tensor]]) -> list[str]:
    return sorted({part(name) for name, tensor in tensors if not tensor.isfinite().all()})


def _number(value: float | Tensor) -> float | None:
    """Round a value to six digits. Values that are not finite become None, which JSON can store."""
    return float(f"{float(value):.6g}") if math.isfinite(value) else None
