"""Training: one variant on prepared frames, with the recipe of Section 4."""

import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset, default_collate

from models.build import build
from models.initialisation import initialise
from pipeline.config import paths
from pipeline.data import augment
from pipeline.data.reader import Prepared, evenly_spaced
from pipeline.training import health
from pipeline.training.loop import CURVE, Checkpoint, Epochs, optimise, summary
from pipeline.utils import device as devices
from pipeline.utils import weights
from pipeline.utils.errors import BadInput, Diverged

if TYPE_CHECKING:
    from pipeline.config.recipes import Training
    from pipeline.config.variants import AnyVariant


class Frames(Dataset):
    """Prepared and augmented frames of one or more splits, indexed by (epoch, index)."""

    def __init__(self, prepared: Prepared, training: "Training", seed: int):
        self.parts = [(prepared.images(split), prepared.labels(split)) for split in training.splits]
        self.rows = [(part, row) for part, (_, labels) in enumerate(self.parts) for row in range(len(labels))]
        self.prepared, self.training, self.seed = prepared, training, seed

    def __reduce__(self):
        return Frames, (self.prepared, self.training, self.seed)  # Another process maps the arrays itself.

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, item: tuple[int, int]) -> tuple[Tensor, Tensor]:
        part, row = self.rows[item[1]]
        images, labels = self.parts[part]
        return augment.crop_frame(images[row], labels[row], self.training, self._random(item))

    def draw(self, item: tuple[int, int]) -> augment.Crop:
        """Return the crop of an item alone."""
        part, _ = self.rows[item[1]]
        return augment.draw_crop(self.parts[part][1].shape[1:], self.training, self._random(item))

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of an item."""
        return self.training.crop_size

    def _random(self, item: tuple[int, int]) -> np.random.Generator:
        epoch, index = item
        return augment.generator(self.seed, augment.AUGMENTATION, epoch, index)

    def first_batch(self) -> tuple[Tensor, Tensor]:
        """Return the images and labels of the first training step."""
        items = next(iter(Epochs(len(self), self.training.batch_size, self.seed)))
        images, labels = default_collate([self[item] for item in items])
        return images, labels

    def whole(self, count: int) -> Iterator[Tensor]:
        """Yield `count` evenly spaced whole frames without augmentation, as batches Nx3xHxW."""
        chosen = [self.rows[index] for index in evenly_spaced(len(self), count)]
        for start in range(0, len(chosen), self.training.batch_size):
            stored = [self.parts[part][0][row] for part, row in chosen[start : start + self.training.batch_size]]
            frames = [
                augment.whole_frames(torch.from_numpy(np.array(frame)[None]), self.training.frame_size)
                for frame in stored
            ]
            yield torch.cat(frames)


def train(
    training: "Training",
    variant: "AnyVariant",
    seed: int,
    data: Path,
    pretrained: Path | None,
    folder: Path,
    checkpoint: Checkpoint,
    on_epoch: Callable[[dict[str, float]], None] = lambda row: None,
    trial: bool = False,
) -> dict[str, Any]:
    """Train `variant`; write `weights.pt` and `curve.csv` to `folder` and return the record.

    `data` is a folder of prepared frames. Without `pretrained` weights, all networks start from random weights.
    `on_epoch` is called with each row of the curve. The record counts the steps taken and those that float16 skipped,
    and says for which share of the time training waited for data.

    Raises `BadInput` if `data` is not a segmentation set, or if the variant cannot load `pretrained`. Raises `Diverged`
    if the loss is not finite. In a `trial`, a run to select a learning rate, divergence is a result instead:
    `weights.pt` then holds the reason and no weights.
    """
    started = time.perf_counter()
    prepared = Prepared(data, "segmentation")
    made_for = {"variant": variant.network, "classes": len(prepared.classes)}
    model = build(made_for["variant"], made_for["classes"])
    initialise(model, seed)
    loaded = _load(model, variant, pretrained) if pretrained else []
    frames, device = Frames(prepared, training, seed), devices.choose(training.threads)
    first = _first_step(model, frames, device)
    failed: dict[str, str] = {}
    try:
        curve = optimise(model, frames, training, seed, checkpoint, on_epoch, training.warmup)
    except Diverged as error:
        if not trial:
            raise
        curve, failed = pd.DataFrame(error.curve), {"diverged": str(error)}
    weights.save(folder / paths.WEIGHTS, {"made_for": made_for, **(failed or {"state": model.state_dict()})})
    weights.write_csv(folder / "curve.csv", curve[CURVE])
    steps, said = len(curve) * (len(frames) // training.batch_size), summary(curve)
    seen = steps * training.batch_size
    measured = _health(model, first, frames, len(prepared.classes), curve, device)
    seconds = time.perf_counter() - started
    return {
        **failed,
        "steps": steps - said["skipped_steps"],
        "epochs": len(curve),
        "frames_seen": seen,
        "loss": measured["last"]["loss"],
        "loaded": loaded,
        "health": measured,
        "seconds": round(seconds, 1),
        "frames_per_second": round(seen / seconds, 2),
        **said,
    }


def _health(
    model: nn.Module, first: dict[str, Any], frames: Frames, classes: int, curve: pd.DataFrame, device: torch.device
) -> dict[str, Any]:
    """Return the measurements of `pipeline.training.health`.

    The first loss and gradients are those of the first batch before any step. The last loss is the mean of the last
    epoch, and the last gradients are those of the first batch after training. A resumed training starts from the same
    initial weights, so its `first` is the same too.
    """
    last = _first_step(model, frames, device)
    loss = float(curve["loss"].iloc[-1])
    return {
        "classes": classes,
        "first": first,
        "last": {"loss": loss if math.isfinite(loss) else None, "gradients": last["gradients"]},
        "frames": min(len(frames), health.FRAMES),
        **health.look(model, frames.whole(health.FRAMES), device, frames.training.precision),
    }


def _first_step(model: nn.Module, frames: Frames, device: torch.device) -> dict[str, Any]:
    """Measure the first training step, in as many parts as all processes take it in; they do not share batch norm."""
    recipe, batch = frames.training, frames.first_batch()
    parts = recipe.accumulate * recipe.processes
    return health.step(model, *batch, recipe.loss, frames.seed, device, recipe.precision, parts)


def _load(model: nn.Module, variant: "AnyVariant", pretrained: Path) -> list[dict[str, int]]:
    if not hasattr(variant, "pretrained"):
        raise BadInput(
            f"{variant.peer} cannot start from {pretrained}, which contains a backbone of DFANet; "
            "train it in a study that trains from scratch"
        )
    return weights.load_pretrained(model.structure.networks, pretrained, variant.pretrained)
