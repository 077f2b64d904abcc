"""The training loop of pretraining and training: "poly" learning rate, checkpoints, bit-exact resumption."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd
import torch
from torch import nn
from torch.utils.data import Dataset

from pipeline.data import augment
from pipeline.training import optimisers
from pipeline.training.batches import Batches
from pipeline.training.steps import Step
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
    """Train `model` in place with the recipe's loss and optimiser; return the curve, one row per epoch: `CURVE`,
    the steps skipped, the seconds taken, and those spent waiting for data.

    A network with auxiliary heads returns a tuple that starts with the main scores, and has one `auxiliary_weights`
    entry per head.

    If `checkpoint` holds a state of the same job, training resumes from it and ends with the same weights as an
    uninterrupted run. Raises `Diverged` after an epoch whose loss is not finite.
    """
    sampler = Epochs(len(data), recipe.batch_size, seed)
    device = devices.choose(recipe.threads, repeats=True)
    model.to(device, memory_format=torch.channels_last).train()
    optimiser = optimisers.make(model, recipe)
    step = Step(model, optimiser, recipe, device)
    curve = _resume(checkpoint, model, optimiser, step.scaler)
    batches = Batches(data, sampler, device)
    steps = recipe.epochs * len(sampler)
    bar = progress(range(len(curve), recipe.epochs), "training", recipe.epochs, len(curve), "epochs")
    for sampler.epoch in bar:
        # Seeding every epoch makes a resumed run drop the same activations as an uninterrupted one.
        seed_dropout(seed, sampler.epoch)
        rates = [poly(at, steps, recipe.learning_rate, recipe.power, warmup) for at in _steps(sampler)]
        row = {
            "epoch": sampler.epoch,
            "learning_rate": rates[-1],
            **_epoch(step, batches, rates),
        }
        _check(row, step, curve)
        curve.append(row)
        _save(checkpoint, model, optimiser, step.scaler, curve)
        on_epoch(row)
        waiting = f", {row['waited'] / row['seconds']:.0%} of the time waiting for data"
        bar.set_postfix_str(f"loss {row['loss']:.3f}{waiting}", refresh=False)
    return pd.DataFrame(curve)


def waiting(curve: pd.DataFrame) -> float:
    """Return the share of the training time, from 0 to 1, in which no batch was there.

    Without loader processes, that is the time in which this process made the batches itself.
    """
    return round(float(curve["waited"].sum() / max(curve["seconds"].sum(), 1e-9)), 3)


def seed_dropout(seed: int, epoch: int) -> None:
    """Seed torch's generator, which dropout uses, for the start of an epoch."""
    torch.manual_seed(int(augment.generator(seed, augment.DROPOUT, epoch).integers(2**63)))


def _steps(sampler: Epochs) -> range:
    return range(sampler.epoch * len(sampler), (sampler.epoch + 1) * len(sampler))


def _epoch(step: Step, batches: Batches, rates: list[float]) -> dict[str, float]:
    """Take a step for each rate; return `Totals.row`, the seconds taken, and those spent waiting for a batch."""
    started = time.perf_counter()
    step.totals.reset()
    for rate, (images, labels) in zip(rates, batches, strict=True):
        step(images, labels, rate)
    row = step.totals.row(len(rates))
    return row | {"seconds": time.perf_counter() - started, "waited": batches.waited}


def _check(row: dict[str, float], step: Step, curve: list[dict[str, float]]) -> None:
    """Raise `Diverged` if an epoch's loss is not finite; say whether the learning rate or the precision is to blame.

    The first epoch of a small set may have no step that is taken, because the scale of float16 begins high and is
    halved in each step that overflows.
    """
    if row["loss"] < float("inf"):
        return
    epoch, recipe = row["epoch"], step.recipe
    largest = torch.finfo(getattr(torch, recipe.precision)).max
    reason = f"the loss is {row['loss']} in epoch {epoch}: the learning rate {recipe.learning_rate} is too high"
    if row["skipped"] and all(parameter.abs().max() <= largest for parameter in step.model.parameters()):
        if step.scaler.get_scale() >= 1 and epoch + 1 < recipe.epochs:
            return
        reason = (
            f"every step of epoch {epoch} overflowed {recipe.precision} and was skipped, although all weights fit; "
            "train with precision bfloat16 or float32, whose range is larger, or with a lower learning rate"
        )
    raise Diverged(reason, [*curve, row])


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
