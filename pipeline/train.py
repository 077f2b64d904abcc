"""Training: one variant on prepared frames, by the recipe of Section 4."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn
from torch.utils.data import Dataset

from models.build import build
from models.initialisation import initialise
from pipeline import augment, paths, weights
from pipeline.errors import BadInput
from pipeline.optimise import Checkpoint, optimise
from pipeline.prepared import Prepared

if TYPE_CHECKING:
    from pipeline.params import AnyVariant, Training


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


def train(
    training: "Training",
    variant: "AnyVariant",
    seed: int,
    data: Path,
    pretrained: Path | None,
    folder: Path,
    checkpoint: Checkpoint,
    on_epoch: Callable[[dict[str, float]], None] = lambda row: None,
) -> dict[str, Any]:
    """Train `variant`; write `weights.pt` and `curve.csv` to `folder`.

    `data` is a folder of prepared frames. Without `pretrained` weights every network starts from scratch. `on_epoch`
    gets each row of the curve as soon as it is known.
    """
    started = time.perf_counter()
    prepared = Prepared(data)
    if prepared.task != "segmentation":
        raise BadInput(f"{data} holds images to classify; study.data must name a set of frames to segment")
    made_for = {"variant": variant.model_dump(mode="json"), "classes": len(prepared.classes)}
    model = build(made_for["variant"], made_for["classes"])
    initialise(model, seed)
    loaded = _load(model, variant, pretrained) if pretrained else []
    frames = Frames(prepared, training, seed)
    curve = optimise(model, frames, training, seed, checkpoint, on_epoch, training.warmup)
    weights.save(folder / paths.WEIGHTS, {"made_for": made_for, "state": model.state_dict()})
    weights.write_csv(folder / "curve.csv", curve)
    seen = training.epochs * (len(frames) // training.batch) * training.batch
    seconds = time.perf_counter() - started
    return {
        "steps": seen // training.batch,
        "epochs": training.epochs,
        "frames_seen": seen,
        "loss": float(curve["loss"].iloc[-1]),
        "loaded": loaded,
        "seconds": round(seconds, 1),
        "frames_per_second": round(seen / seconds, 2),
    }


def _load(model: nn.Module, variant: "AnyVariant", pretrained: Path) -> list[dict[str, int]]:
    if not hasattr(variant, "pretrained"):
        raise BadInput(
            f"{variant.peer} cannot start from {pretrained}, which holds a backbone of DFANet's; "
            "train it in a study that trains from scratch"
        )
    return weights.load_pretrained(model.structure.networks, pretrained, variant.pretrained)
