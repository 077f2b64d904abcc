"""One training step: forward pass, loss, backward pass and optimiser, in the recipe's precision."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from pipeline.data.base import IGNORE
from pipeline.training import losses
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

    In float16, gradients are scaled, and a step whose gradients overflow is skipped: it changes no weight, and its loss
    is not counted.
    """

    def __init__(self, model: nn.Module, optimiser: Optimizer, recipe: "Pretraining | Training", device: torch.device):
        self.model, self.optimiser, self.recipe, self.device = model, optimiser, recipe, device
        self.scaler = torch.amp.GradScaler(device.type, enabled=recipe.precision == "float16")
        self.totals = Totals(device)
        self._taken = torch.ones((), dtype=torch.long, device=device)
        if self.scaler.is_enabled():
            # Fused optimisers run in a skipped step too, and are told by `found_inf` to change nothing.
            optimiser.register_step_post_hook(lambda *_: self._taken.copy_(1 - getattr(optimiser, "found_inf", 0)))

    def __call__(self, images: Tensor, labels: Tensor, rate: float) -> None:
        """Take one step on images (Nx3xHxW) and labels (NxHxW, or N) at a learning rate."""
        images = images.to(self.device, memory_format=torch.channels_last, non_blocking=True)
        labels = labels.to(self.device, non_blocking=True)
        self.optimiser.param_groups[0]["lr"] = rate
        self.optimiser.zero_grad(set_to_none=True)
        with devices.autocast(self.device, self.recipe.precision):
            outputs = self.model(images)
        scores, value = losses.objective(self.model, outputs, labels, self.recipe.loss)
        self.scaler.scale(value).backward()
        if self.scaler.is_enabled():
            self._taken.zero_()
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self._count(scores.detach(), value.detach(), labels)

    def _count(self, scores: Tensor, value: Tensor, labels: Tensor) -> None:
        self.totals.taken += self._taken
        self.totals.loss += torch.where(self._taken > 0, value, 0) if self.scaler.is_enabled() else value
        self.totals.correct += (scores.argmax(1) == labels).sum()
        self.totals.labelled += (labels != IGNORE).sum()
