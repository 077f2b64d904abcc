"""Training: one variant on prepared frames, by the recipe of Section 4."""

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
from pipeline.training.loop import CURVE, Checkpoint, Epochs, optimise
from pipeline.utils import device, weights
from pipeline.utils.errors import BadInput, Diverged

if TYPE_CHECKING:
    from pipeline.config.recipes import Training
    from pipeline.config.variants import AnyVariant


class Frames(Dataset):
    """Prepared frames of one or more splits, augmented; an item is asked for by (epoch, index)."""

    def __init__(self, prepared: Prepared, training: "Training", seed: int):
        self.parts = [(prepared.images(split), prepared.labels(split)) for split in training.splits]
        self.places = [(part, row) for part, (_, labels) in enumerate(self.parts) for row in range(len(labels))]
        self.training, self.seed = training, seed

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, item: tuple[int, int]) -> tuple[Tensor, Tensor]:
        epoch, index = item
        part, row = self.places[index]
        images, labels = self.parts[part]
        random = augment.generator(self.seed, augment.AUGMENTATION, epoch, index)
        return augment.crop_frame(images[row], labels[row], self.training, random)

    def first_batch(self) -> tuple[Tensor, Tensor]:
        """What the first step of training sees."""
        items = next(iter(Epochs(len(self), self.training.batch_size, self.seed)))
        images, labels = default_collate([self[item] for item in items])
        return images, labels

    def whole(self, count: int) -> Iterator[Tensor]:
        """`count` frames, evenly spaced, whole and not augmented, as inputs Nx3xHxW, a batch at a time."""
        places = [self.places[index] for index in evenly_spaced(len(self), count)]
        for start in range(0, len(places), self.training.batch_size):
            stored = [self.parts[part][0][row] for part, row in places[start : start + self.training.batch_size]]
            whole = [
                augment.whole_frames(torch.from_numpy(np.array(each)[None]), self.training.frame_size)
                for each in stored
            ]
            yield torch.cat(whole)


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
    """Train `variant`; write `weights.pt` and `curve.csv` to `folder`.

    `data` is a folder of prepared frames. Without `pretrained` weights every network starts from scratch. `on_epoch`
    gets each row of the curve as soon as it is known. `Diverged` if the loss becomes no number; of a `trial`, a run
    that a learning rate is chosen by, that is the result: `weights.pt` then holds why, and no weights.
    """
    started = time.perf_counter()
    prepared = Prepared(data)
    if prepared.task != "segmentation":
        raise BadInput(f"{data} holds images to classify; study.data must name a set of frames to segment")
    made_for = {"variant": variant.model_dump(mode="json"), "classes": len(prepared.classes)}
    model = build(made_for["variant"], made_for["classes"])
    initialise(model, seed)
    loaded = _load(model, variant, pretrained) if pretrained else []
    frames, where = Frames(prepared, training, seed), device.choose(training.threads)
    first = health.step(model, *frames.first_batch(), training.loss, seed, where)
    failed: dict[str, str] = {}
    try:
        curve = optimise(model, frames, training, seed, checkpoint, on_epoch, training.warmup)
    except Diverged as error:
        if not trial:
            raise
        curve, failed = pd.DataFrame(error.curve, columns=CURVE), {"diverged": str(error)}
    weights.save(folder / paths.WEIGHTS, {"made_for": made_for, **(failed or {"state": model.state_dict()})})
    weights.write_csv(folder / "curve.csv", curve)
    seen = len(curve) * (len(frames) // training.batch_size) * training.batch_size
    alive = _health(model, first, frames, len(prepared.classes), curve, where)
    seconds = time.perf_counter() - started
    return {
        **failed,
        "steps": seen // training.batch_size,
        "epochs": len(curve),
        "frames_seen": seen,
        "loss": alive["last"]["loss"],
        "loaded": loaded,
        "health": alive,
        "seconds": round(seconds, 1),
        "frames_per_second": round(seen / seconds, 2),
    }


def _health(
    model: nn.Module, first: dict[str, Any], frames: Frames, classes: int, curve: pd.DataFrame, where: torch.device
) -> dict[str, Any]:
    """What `pipeline.training.health` finds. Losses are the first batch's before any step, and the last epoch's mean.

    Gradients are those of the first batch, before the first step and after the last. A training that is continued
    starts from the same initial weights, so that its `first` is the same too.
    """
    last = health.step(model, *frames.first_batch(), frames.training.loss, frames.seed, where)
    loss = float(curve["loss"].iloc[-1])
    return {
        "classes": classes,
        "first": first,
        "last": {"loss": loss if math.isfinite(loss) else None, "gradients": last["gradients"]},
        "frames": min(len(frames), health.FRAMES),
        **health.look(model, frames.whole(health.FRAMES), where),
    }


def _load(model: nn.Module, variant: "AnyVariant", pretrained: Path) -> list[dict[str, int]]:
    if not hasattr(variant, "pretrained"):
        raise BadInput(
            f"{variant.peer} cannot start from {pretrained}, which holds a backbone of DFANet's; "
            "train it in a study that trains from scratch"
        )
    return weights.load_pretrained(model.structure.networks, pretrained, variant.pretrained)
