"""The training loop of pretraining and training: "poly" learning rate, checkpoints, bit-exact resumption."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from pipeline.data import augment
from pipeline.data.base import IGNORE
from pipeline.training import losses, optimisers
from pipeline.utils import device as devices
from pipeline.utils import weights
from pipeline.utils.errors import BadInput, Diverged
from pipeline.utils.progress import progress

if TYPE_CHECKING:
    from pipeline.config.recipes import Pretraining, Training

CURVE = ["epoch", "learning_rate", "loss", "accuracy"]


class Checkpoint(NamedTuple):
    """The path of an unfinished job's state and the fingerprint of the job. A state with another one is ignored."""

    path: Path
    fingerprint: str


class Epochs(torch.utils.data.Sampler):
    """Yields batches of (epoch, index) in an order that depends only on the seed and the epoch.

    An incomplete last batch is dropped. Raises `BadInput` if there are fewer items than a batch.
    """

    def __init__(self, count: int, batch: int, seed: int):
        if count < batch:
            raise BadInput(f"batch_size is {batch}, but there are only {count} images; choose a smaller batch_size")
        self.count, self.batch, self.seed, self.epoch = count, batch, seed, 0

    def __len__(self) -> int:
        return self.count // self.batch

    def __iter__(self):
        order = augment.generator(self.seed, augment.ORDER, self.epoch).permutation(self.count)
        for start in range(0, len(self) * self.batch, self.batch):
            yield [(self.epoch, int(index)) for index in order[start : start + self.batch]]


def poly(step: int, steps: int, initial: float, power: float, warmup: int = 0) -> float:
    """Return the "poly" rate initial * (1 - step/steps)^power (Section 4), increasing linearly for `warmup` steps."""
    return initial * (1 - step / steps) ** power * min(1.0, (step + 1) / (warmup + 1))


def optimise(
    model: nn.Module,
    data: Dataset,
    recipe: "Pretraining | Training",
    seed: int,
    checkpoint: Checkpoint,
    on_epoch: Callable[[dict[str, float]], None],
    warmup: int = 0,
) -> pd.DataFrame:
    """Train `model` in place with the recipe's loss and optimiser; return the curve, one row per epoch (`CURVE`).

    A network with auxiliary heads returns a tuple that starts with the main scores, and has one `auxiliary_weights`
    entry per head.

    If `checkpoint` holds a state of the same job, training resumes from it and ends with the same weights as an
    uninterrupted run. Raises `Diverged` after an epoch whose loss is not finite.
    """
    sampler = Epochs(len(data), recipe.batch_size, seed)
    device = devices.choose(recipe.threads)
    model.to(device, memory_format=torch.channels_last).train()
    optimiser = optimisers.make(model, recipe)
    scaler = torch.amp.GradScaler(device.type, enabled=device.type == "cuda")
    curve = _resume(checkpoint, model, optimiser, scaler)
    loader = DataLoader(data, batch_sampler=sampler, **devices.loading(device))
    steps = recipe.epochs * len(sampler)
    bar = progress(range(len(curve), recipe.epochs), "training", recipe.epochs, len(curve), "epochs")
    for sampler.epoch in bar:
        # Seeding every epoch makes a resumed run drop the same activations as an uninterrupted one.
        seed_dropout(seed, sampler.epoch)
        rates = [poly(step, steps, recipe.learning_rate, recipe.power, warmup) for step in _steps(sampler)]
        row = {
            "epoch": sampler.epoch,
            "learning_rate": rates[-1],
            **_epoch(model, loader, recipe.loss, optimiser, scaler, rates, device),
        }
        if not row["loss"] < float("inf"):
            raise Diverged(
                f"the loss is {row['loss']} in epoch {sampler.epoch}: "
                f"the learning rate {recipe.learning_rate} is too high",
                [*curve, row],
            )
        curve.append(row)
        _save(checkpoint, model, optimiser, scaler, curve)
        on_epoch(row)
        bar.set_postfix_str(f"loss {row['loss']:.3f}", refresh=False)
    return pd.DataFrame(curve, columns=CURVE)


def seed_dropout(seed: int, epoch: int) -> None:
    """Seed torch's generator, which dropout uses, for the start of an epoch."""
    torch.manual_seed(int(augment.generator(seed, augment.DROPOUT, epoch).integers(2**63)))


def _steps(sampler: Epochs) -> range:
    return range(sampler.epoch * len(sampler), (sampler.epoch + 1) * len(sampler))


def _epoch(
    model: nn.Module, loader: DataLoader, loss: str, optimiser, scaler, rates: list[float], device: torch.device
) -> dict[str, float]:
    """Train for one epoch; return the mean loss, and the accuracy of the main scores on labelled pixels or images."""
    total, correct, counted = torch.zeros((), device=device), 0, 0
    for rate, (images, labels) in zip(rates, loader, strict=True):
        images = images.to(device, memory_format=torch.channels_last, non_blocking=True)
        labels = labels.to(device, non_blocking=True)
        optimiser.param_groups[0]["lr"] = rate
        optimiser.zero_grad(set_to_none=True)
        with devices.half_precision(device):
            outputs = model(images)
        scores, value = losses.objective(model, outputs, labels, loss)
        scaler.scale(value).backward()
        scaler.step(optimiser)
        scaler.update()
        total += value.detach()
        correct, counted = correct + _correct(scores, labels), counted + (labels != IGNORE).sum()
    return {"loss": float(total) / len(rates), "accuracy": float(correct) / max(1, int(counted))}


def _correct(scores: Tensor, labels: Tensor) -> Tensor:
    return (scores.detach().argmax(1) == labels).sum()


def _resume(checkpoint: Checkpoint, model, optimiser, scaler) -> list[dict[str, float]]:
    if not checkpoint.path.exists():
        return []
    state = weights.load(checkpoint.path)
    if state["fingerprint"] != checkpoint.fingerprint:
        return []
    model.load_state_dict(state["model"])
    optimiser.load_state_dict(state["optimiser"])
    scaler.load_state_dict(state["scaler"])
    return state["curve"]


def _save(checkpoint: Checkpoint, model, optimiser, scaler, curve: list[dict[str, float]]) -> None:
    state = {"model": model.state_dict(), "optimiser": optimiser.state_dict(), "scaler": scaler.state_dict()}
    weights.save(checkpoint.path, {"fingerprint": checkpoint.fingerprint, "curve": curve, **state})
