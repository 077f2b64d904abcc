"""One training step: forward pass, loss, backward pass and optimiser, in the recipe's precision."""

import contextlib
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from pipeline.data.base import IGNORE
from pipeline.training import losses, modes
from pipeline.training.processes import ALONE, Group
from pipeline.utils import device as devices

if TYPE_CHECKING:
    from pipeline.config.recipes import Pretraining, Training


class Totals:
    """Sums over the steps of an epoch. They stay on the device, because reading one would wait for the step."""

    def __init__(self, device: torch.device):
        self.loss = torch.zeros((), device=device)
        self.taken, self.correct, self.labelled = (torch.zeros((), dtype=torch.long, device=device) for _ in range(3))

    def reset(self) -> None:
        """Begin another epoch."""
        for total in vars(self).values():
            total.zero_()

    def row(self, steps: int) -> dict[str, float]:
        """Return the mean loss of the steps taken, the accuracy on labelled pixels or images, and the steps skipped.

        The loss is NaN if none of the epoch's `steps` was taken.
        """
        taken = int(self.taken)
        return {
            "loss": float(self.loss) / taken if taken else float("nan"),
            "accuracy": float(self.correct) / max(1, int(self.labelled)),
            "skipped": steps - taken,
        }


class Step:
    """Takes training steps of `model`, whose sums are in `totals`.

    `network` is the same model as `Group.share` returns it. A step takes its frames in `recipe.accumulate` parts and in
    `group.count` processes; its loss is the mean over the labelled pixels of all of them. Batch norm sees a part of all
    processes at a time. In float16, gradients are scaled, and a step whose gradients overflow is skipped: it changes no
    weight, and its loss is not counted.

    The first step chooses the `mode` in which all are run.
    """

    def __init__(
        self,
        model: nn.Module,
        network: nn.Module,
        optimiser: Optimizer,
        recipe: "Pretraining | Training",
        device: torch.device,
        group: Group = ALONE,
    ):
        self.model, self.network, self.optimiser = model, network, optimiser
        self.recipe, self.device, self.group = recipe, device, group
        self.scaler = torch.amp.GradScaler(device.type, enabled=recipe.precision == "float16")
        self.totals = Totals(device)
        self.compute, self.mode = self._compute, ""
        self._run: modes.Run | None = None
        self._taken = torch.ones((), dtype=torch.long, device=device)
        if self.scaler.is_enabled():
            # Fused optimisers run in a skipped step too, and are told by `found_inf` to change nothing.
            optimiser.register_step_post_hook(lambda *_: self._taken.copy_(1 - getattr(optimiser, "found_inf", 0)))

    def __call__(self, images: Tensor, labels: Tensor, rate: float) -> None:
        """Take one step on this process's images (Nx3xHxW) and labels (NxHxW, or N) at a learning rate."""
        images = images.to(self.device, memory_format=torch.channels_last, non_blocking=True)
        labels = labels.to(self.device, non_blocking=True)
        if self._run is None:
            self.mode, self._run = modes.choose(self, images, labels)
        self._run(images, labels, rate)

    def take(self, images: Tensor, labels: Tensor, rate: float | Tensor) -> None:
        """Take one step eagerly on what is on the device already; nothing in it waits for the device."""
        self.optimiser.param_groups[0]["lr"] = rate
        self.optimiser.zero_grad(set_to_none=True)
        loss = self._backward(images, labels)
        if self.scaler.is_enabled():
            self._taken.zero_()
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self.totals.taken += self._taken
        self.totals.loss += torch.where(self._taken > 0, loss, 0) if self.scaler.is_enabled() else loss

    def _compute(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the main scores and the loss."""
        with devices.autocast(self.device, self.recipe.precision):
            outputs = self.network(images)
        return losses.objective(self.model, outputs, labels, self.recipe.loss)

    def row(self, steps: int) -> dict[str, float]:
        """Return `Totals.row` of the epoch's `steps`, over all processes."""
        self.group.sum(self.totals.loss, self.totals.correct, self.totals.labelled)
        return self.totals.row(steps)

    def _backward(self, images: Tensor, labels: Tensor) -> Tensor:
        """Add this process's share of the gradients, part by part; return its share of the step's loss."""
        if self.recipe.accumulate == self.group.count == 1:
            return self._part(images, labels)
        *before, last = losses.parts(images, labels, self.recipe.accumulate)
        labelled = sum(count for *_, count in (*before, last))
        self.group.sum(labelled)
        # DDP averages over processes what is to be summed, once, after the last part.
        with self.network.no_sync() if self.group.count > 1 else contextlib.nullcontext():
            found = [self._part(*part, count * self.group.count / labelled.clamp(min=1)) for *part, count in before]
        found.append(self._part(*last[:2], last[2] * self.group.count / labelled.clamp(min=1)))
        return sum(found) / self.group.count

    def _part(self, images: Tensor, labels: Tensor, weight: Tensor | None = None) -> Tensor:
        """Add a part's gradients; return its loss. Both count by `weight`."""
        scores, value = self.compute(images, labels)
        value = value if weight is None else value * weight
        self.scaler.scale(value).backward()
        self.totals.correct += (scores.detach().argmax(1) == labels).sum()
        self.totals.labelled += (labels != IGNORE).sum()
        return value.detach()
