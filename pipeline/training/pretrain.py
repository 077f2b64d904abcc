"""Pretraining: image classification with the backbone and its FC layer (Section 4.1)."""

import time
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
from pipeline.training.loop import CURVE, Checkpoint, optimise, summary
from pipeline.utils import device as devices
from pipeline.utils import weights

if TYPE_CHECKING:
    from pipeline.config.recipes import Pretraining


class Images(Dataset):
    """Prepared and augmented images of a split, indexed by (epoch, index)."""

    def __init__(self, prepared: Prepared, split: str, recipe: "Pretraining"):
        self.images, self.labels = prepared.images(split), prepared.labels(split)
        self.prepared, self.split, self.recipe = prepared, split, recipe
        self.parts, self.size = [(self.images, self.labels)], tuple(self.images.shape[1:3])

    def __reduce__(self):
        return Images, (self.prepared, self.split, self.recipe)  # Another process maps the arrays itself.

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, item: tuple[int, int]) -> tuple[Tensor, int]:
        index = item[1]
        return augment.crop_image(self.images[index], self.recipe.scale, self._random(item)), int(self.labels[index])

    def draw(self, item: tuple[int, int]) -> augment.Crop:
        """Return the crop of an item alone."""
        return augment.draw_square(self.size[0], self.recipe.scale, self._random(item))

    def _random(self, item: tuple[int, int]) -> np.random.Generator:
        epoch, index = item
        return augment.generator(self.recipe.seed, augment.AUGMENTATION, epoch, index)


def pretrain(recipe: "Pretraining", backbone: str, data: Path, folder: Path, checkpoint: Checkpoint) -> dict[str, Any]:
    """Train a backbone and its FC layer on prepared images; write `weights.pt` and `curve.csv` to `folder`.

    Returns the record: numbers of images and classes, top-1 accuracy on the validation split, `summary`, and time in
    seconds.
    Raises `BadInput` if `data` is not a classification set.
    """
    started = time.perf_counter()
    prepared = Prepared(data, "classification")
    model = Classifier(backbone)
    initialise(model, recipe.seed)
    curve = optimise(model, Images(prepared, "train", recipe), recipe, recipe.seed, checkpoint, lambda row: None)
    accuracy = top_1(model, prepared, recipe)
    weights.save(folder / paths.WEIGHTS, {"made_for": {"backbone": backbone}, "state": trained(model)})
    weights.write_csv(folder / "curve.csv", curve[CURVE])
    return {
        "images": len(prepared.labels("train")),
        "classes": len(prepared.classes),
        "top_1": accuracy,
        **summary(curve),
        "seconds": round(time.perf_counter() - started, 1),
    }


def trained(model: Classifier) -> dict[str, Tensor]:
    """Return the tensors that classification trains: those of the backbone and the FC layer."""
    return {k: v for k, v in model.network.state_dict().items() if k.startswith(("backbone.", "attention.fc."))}


@torch.inference_mode()
def top_1(model: Classifier, prepared: Prepared, recipe: "Pretraining") -> float:
    """Return the top-1 accuracy on the validation images, from 0 to 1."""
    model.eval()
    device = devices.choose(recipe.threads)
    images, labels = prepared.images("val"), prepared.labels("val")
    correct = 0
    for start in range(0, len(labels), recipe.batch_size):
        batch = slice(start, min(start + recipe.batch_size, len(labels)))
        pixels = torch.from_numpy(np.stack([images[index] for index in range(batch.start, batch.stop)]))
        with devices.autocast(device, recipe.precision):
            scores = model(augment.normalise(pixels).to(device))
        correct += int((scores.argmax(1).cpu().numpy() == labels[batch]).sum())
    return correct / len(labels)
