"""The training loop of pretraining and training: "poly" learning rate, checkpoints, bit-exact resumption."""

import copy
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd
import torch
from torch import nn
from torch.utils.data import Dataset

from pipeline.data import augment
from pipeline.training import optimisers, processes
from pipeline.training.batches import Batches
from pipeline.training.processes import ALONE, Group, Row
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

    An incomplete last batch is dropped. Each process of `group` is given its share of every batch, so that each of the
    `parts` that a batch is taken in has the same frames for any number of processes. Raises `BadInput` if there are
    fewer items than a batch.
    """

    def __init__(self, count: int, batch: int, seed: int, parts: int = 1, group: Group = ALONE):
        if count < batch:
            raise BadInput(f"batch_size is {batch}, but there are only {count} images; choose a smaller batch_size")
        self.count, self.batch, self.seed, self.parts, self.group, self.epoch = count, batch, seed, parts, group, 0

    def __len__(self) -> int:
        return self.count // self.batch

    def __iter__(self):
        order = augment.generator(self.seed, augment.ORDER, self.epoch).permutation(self.count)
        for start in range(0, len(self) * self.batch, self.batch):
            shares = order[start : start + self.batch].reshape(self.parts, self.group.count, -1)
            yield [(self.epoch, int(index)) for index in shares[:, self.group.rank].ravel()]


def poly(step: int, steps: int, initial: float, power: float, warmup: int = 0) -> float:
    """Return the "poly" rate initial * (1 - step/steps)^power (Section 4), increasing linearly for `warmup` steps."""
    return initial * (1 - step / steps) ** power * min(1.0, (step + 1) / (warmup + 1))


def optimise(
    model: nn.Module,
    data: Dataset,
    recipe: "Pretraining | Training",
    seed: int,
    checkpoint: Checkpoint,
    on_epoch: Callable[[Row], None],
    warmup: int = 0,
) -> pd.DataFrame:
    """Train `model` in place with the recipe's loss and optimiser, in as many processes as the recipe says.

    Returns one row per epoch: `CURVE`, the steps skipped, the seconds taken, and those spent waiting for data.
    `on_epoch` is called with each row. A network with auxiliary heads returns a tuple that starts with the main scores,
    and has one `auxiliary_weights` entry per head.

    If `checkpoint` holds a state of the same job, training resumes from it and ends with the same weights as an
    uninterrupted run. Raises `Diverged` after an epoch whose loss is not finite.
    """
    before = _state(checkpoint, say=True)
    curve = before["curve"] if before else []
    arguments = model, data, recipe, seed, checkpoint, warmup
    alone = recipe.processes == 1
    with closing(train(ALONE, *arguments) if alone else processes.rows(train, recipe.processes, arguments)) as rows:
        bar = progress(rows, "training", recipe.epochs, len(curve), "epochs")
        for row in bar:
            curve.append(row)
            on_epoch(row)
            waited = f", {row['waited'] / row['seconds']:.0%} of the time waiting for data"
            bar.set_postfix_str(f"loss {row['loss']:.3f}{waited}", refresh=False)
    if not alone and (after := _state(checkpoint)):
        model.load_state_dict(after["model"])
        model.to(devices.choose(recipe.threads), memory_format=torch.channels_last)
    return pd.DataFrame(curve)


def train(
    group: Group,
    model: nn.Module,
    data: Dataset,
    recipe: "Pretraining | Training",
    seed: int,
    checkpoint: Checkpoint,
    warmup: int,
) -> Iterator[Row]:
    """Train as one process of `group`; yield the row of each epoch, after the first process has saved its state."""
    sampler = Epochs(len(data), recipe.batch_size, seed, recipe.accumulate, group)
    device = devices.choose(recipe.threads)
    # Processes are given a model in memory that they share.
    model = model if group.count == 1 else copy.deepcopy(model)
    model.to(device, memory_format=torch.channels_last).train()
    network = group.share(model, device)
    optimiser = optimisers.make(model, recipe)
    step = Step(model, network, optimiser, recipe, device, group)
    curve = _resume(checkpoint, model, optimiser, step.scaler)
    batches = Batches(data, sampler, device, group.count)
    steps = recipe.epochs * len(sampler)
    for sampler.epoch in range(len(curve), recipe.epochs):
        # Seeding every epoch makes a resumed run drop the same activations as an uninterrupted one.
        seed_dropout(seed, sampler.epoch, group.rank)
        rates = [poly(at, steps, recipe.learning_rate, recipe.power, warmup) for at in _steps(sampler)]
        row = {"epoch": sampler.epoch, "learning_rate": rates[-1], **_epoch(step, batches, rates)}
        _check(row, step, curve)
        curve.append(row)
        if group.rank == 0:
            _save(checkpoint, model, optimiser, step.scaler, curve)
        yield row


def summary(curve: pd.DataFrame) -> dict[str, Any]:
    """Return what a record says of the epochs: steps skipped, waiting for data, where frames were, how a step is run.

    Without loader processes, the share is the time in which this process made the batches itself.
    """
    return {
        "skipped_steps": int(curve["skipped"].sum()),
        "waiting_for_data": round(float(curve["waited"].sum() / max(curve["seconds"].sum(), 1e-9)), 3),
        "frames_on_device": bool(curve["resident"].all()),
        "step": str(curve["step"].iloc[-1]),
    }


def seed_dropout(seed: int, epoch: int, rank: int = 0) -> None:
    """Seed torch's generator, which dropout uses, for the start of an epoch; each process drops other activations."""
    position = (epoch, rank) if rank else (epoch,)
    torch.manual_seed(int(augment.generator(seed, augment.DROPOUT, *position).integers(2**63)))


def _steps(sampler: Epochs) -> range:
    return range(sampler.epoch * len(sampler), (sampler.epoch + 1) * len(sampler))


def _epoch(step: Step, batches: Batches, rates: list[float]) -> Row:
    """Take a step for each rate; return `Totals.row`, the seconds taken, and those spent waiting for a batch."""
    started = time.perf_counter()
    step.totals.reset()
    for rate, (images, labels) in zip(rates, batches, strict=True):
        step(images, labels, rate)
    row = step.row(len(rates))
    return row | {
        "seconds": time.perf_counter() - started,
        "waited": batches.waited,
        "resident": batches.resident,
        "step": step.mode,
    }


def _check(row: Row, step: Step, curve: list[Row]) -> None:
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


def _state(checkpoint: Checkpoint, say: bool = False) -> dict[str, Any] | None:
    """Return what `_save` left of the same job, if anything; `say` if it is of another job."""
    if not checkpoint.path.exists():
        return None
    state = weights.load(checkpoint.path)
    if state["fingerprint"] == checkpoint.fingerprint:
        return state
    if say:
        reason = "was left by other parameters, data, code, processes or another device"
        print(f"{checkpoint.path} {reason}; training starts from the beginning", file=sys.stderr, flush=True)
    return None


def _resume(checkpoint: Checkpoint, model, optimiser, scaler) -> list[Row]:
    state = _state(checkpoint)
    if state is None:
        return []
    model.load_state_dict(state["model"])
    optimiser.load_state_dict(state["optimiser"])
    scaler.load_state_dict(state["scaler"])
    return state["curve"]


def _save(checkpoint: Checkpoint, model, optimiser, scaler, curve: list[Row]) -> None:
    state = {"model": model.state_dict(), "optimiser": optimiser.state_dict(), "scaler": scaler.state_dict()}
    weights.save(checkpoint.path, {"fingerprint": checkpoint.fingerprint, "curve": curve, **state})
