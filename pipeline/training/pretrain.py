"""Pretraining: the backbone with its FC layer classifies images (Section 4.1)."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from models.initialisation import initialise
from models.network import Classifier
from pipeline.config import paths
from pipeline.data import augment
from pipeline.data.reader import Prepared
from pipeline.training.loop import Checkpoint, optimise
from pipeline.utils import device, weights
from pipeline.utils.errors import BadInput

if TYPE_CHECKING:
    from pipeline.config.recipes import Pretraining


class Images(Dataset):
    """Prepared images of a split; an item is asked for by (epoch, index)."""

    def __init__(self, prepared: Prepared, split: str, recipe: "Pretraining"):
        self.images, self.labels = prepared.images(split), prepared.labels(split)
        self.recipe = recipe

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, item: tuple[int, int]) -> tuple[Tensor, int]:
        epoch, index = item
        random = augment.generator(self.recipe.seed, augment.AUGMENTATION, epoch, index)
        return augment.crop_image(self.images[index], self.recipe.scale, random), int(self.labels[index])


def pretrain(
    recipe: "Pretraining",
    backbone: str,
    data: Path,
    folder: Path,
    checkpoint: Checkpoint,
    on_epoch: Callable[[dict[str, float]], None] = lambda row: None,
) -> dict[str, Any]:
    """Train a backbone and its FC layer on prepared images; write `weights.pt` and `curve.csv` to `folder`."""
    started = time.perf_counter()
    prepared = Prepared(data)
    if prepared.task != "classification":
        raise BadInput(f"{data} holds frames to segment; study.images must name a set of images to classify")
    model = Classifier(backbone)
    initialise(model, recipe.seed)
    curve = optimise(model, Images(prepared, "train", recipe), recipe, recipe.seed, checkpoint, on_epoch)
    accuracy = top_1(model, prepared, recipe)
    weights.save(folder / paths.WEIGHTS, {"made_for": {"backbone": backbone}, "state": trained(model)})
    weights.write_csv(folder / "curve.csv", curve)
    return {
        "images": len(prepared.labels("train")),
        "classes": len(prepared.classes),
        "top_1": accuracy,
        "seconds": round(time.perf_counter() - started, 1),
    }


def trained(model: Classifier) -> dict[str, Tensor]:
    """The network's tensors that classification trains: the backbone's and the FC layer's."""
    return {k: v for k, v in model.network.state_dict().items() if k.startswith(("backbone.", "attention.fc."))}


@torch.inference_mode()
def top_1(model: Classifier, prepared: Prepared, recipe: "Pretraining") -> float:
    """The share of the validation images whose class has the highest score."""
    model.eval()
    where = device.choose(recipe.threads)
    images, labels = prepared.images("val"), prepared.labels("val")
    right = 0
    for start in range(0, len(labels), recipe.batch_size):
        part = slice(start, min(start + recipe.batch_size, len(labels)))
        pixels = torch.from_numpy(np.stack([images[index] for index in range(part.start, part.stop)]))
        scores = model(augment.normalise(pixels).to(where))
        right += int((scores.argmax(1).cpu().numpy() == labels[part]).sum())
    return right / len(labels)
