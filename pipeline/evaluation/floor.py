"""The floor: a baseline that classifies each pixel by colour and position alone.

A network that scores below it is undertrained.
"""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.ensemble import RandomForestClassifier

from pipeline.data.base import IGNORE
from pipeline.data.reader import Prepared
from pipeline.evaluation import metrics
from pipeline.utils.confusion import SCORES, always
from pipeline.utils.errors import BadInput
from pipeline.utils.progress import progress

if TYPE_CHECKING:
    from pipeline.config.protocols import Floor
    from pipeline.config.recipes import Training

FEATURES = ("r", "g", "b", "row", "column")
LEVELS = (32, 64, 64, 32, 32)
"""Number of levels of each feature of a cell: brightness, red - green, blue - green, row, column.

Trees split one feature at a time, and differences of channels are more informative than the channels: 1.4 points of
mIoU on CamVid. The 40 million pixels of its test split fall into 3 million cells. Classifying each cell once costs 0.5
points.
"""


def fit(floor: "Floor", training: "Training", data: Path) -> dict[str, Any]:
    """Train a random forest on pixels of `training.splits` and score it on all pixels of `training.score`.

    `data` is a folder of prepared frames, and `floor.trees` is the number of trees. One thread is used, and the result
    is deterministic. Raises `BadInput` if the data is missing, not a segmentation set, or has no labelled pixel in the
    training splits.
    """
    started = time.perf_counter()
    prepared, split = Prepared(data, "segmentation"), training.score
    sampled, classes = sample(prepared, training.splits, floor.pixels, floor.seed)
    if not len(classes):
        raise BadInput(f"{data} has no labelled pixel in {', '.join(training.splits)}; use another of its splits")
    names = [item.name for item in prepared.classes]
    table = tabulate(grow(floor, sampled, classes), prepared.images(split))
    confusion = score(table, prepared, split)
    majority = int(np.bincount(classes, minlength=len(names)).argmax())
    constant = metrics.scores(always(majority, confusion.sum(1)), names)
    return {
        "split": split,
        "frames": len(prepared.labels(split)),
        **metrics.scores(confusion, names),
        "majority": {"class": names[majority], **{name: constant[name] for name in SCORES}},
        "confusion": confusion.tolist(),
        "pixels": len(classes),
        "features": list(FEATURES),
        "seconds": round(time.perf_counter() - started, 1),
    }


def cells(image: np.ndarray) -> np.ndarray:
    """Return the cell of each pixel of an image (HxWx3 uint8) as HxW int32, a flat index into `LEVELS` in C order."""
    height, width, _ = image.shape
    red, green, blue = np.moveaxis(image.astype(np.int32), -1, 0)
    rows, columns = (np.arange(side, dtype=np.int32) * LEVELS[3] // side for side in (height, width))
    differences = [np.clip((channel - green) // 2 + 32, 0, 63) for channel in (red, blue)]
    found = (red + green + blue) // 24
    for levels, value in zip(LEVELS[1:], (*differences, rows[:, None], columns), strict=True):
        found = found * levels + value
    return found


def sample(prepared: Prepared, splits: list[str], pixels: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the cells and classes of about `pixels` labelled pixels, the same number from each frame of the splits."""
    frames = [(split, index) for split in splits for index in range(len(prepared.labels(split)))]
    per_frame = max(1, pixels // len(frames))
    sampled, classes = [], []
    for number, (split, index) in enumerate(frames):
        label = prepared.labels(split)[index].ravel()
        labelled = np.flatnonzero(label != IGNORE)
        chosen = np.random.default_rng([seed, number]).permutation(labelled)[:per_frame]
        sampled.append(cells(prepared.images(split)[index]).ravel()[chosen])
        classes.append(label[chosen])
    return np.concatenate(sampled), np.concatenate(classes)


def grow(floor: "Floor", sampled: np.ndarray, classes: np.ndarray) -> RandomForestClassifier:
    """Train the forest. Each tree sees a tenth of the pixels, and classes are weighted by 1/sqrt(frequency).

    The floor should be as strong as is cheap, because beating a weak floor means little. The class weights gain 1 to 2
    points of mIoU. Boosted trees scored no better and took several times as long.
    """
    frequency = np.bincount(classes)
    drawn = len(classes) // 10 + 1
    forest = RandomForestClassifier(floor.trees, min_samples_leaf=3, max_samples=drawn, random_state=floor.seed)
    return forest.fit(_features(sampled), classes, 1 / np.sqrt(frequency[classes]))


def tabulate(forest: RandomForestClassifier, images: np.ndarray) -> np.ndarray:
    """Classify every cell that occurs in the images; return the class of each cell as uint8."""
    table = np.zeros(np.prod(LEVELS), np.uint8)
    for image in images:
        table[cells(image)] = 1
    occurring = np.flatnonzero(table)
    for part in progress(np.array_split(occurring, len(occurring) // 50_000 + 1), "classifying colours and positions"):
        table[part] = forest.predict(_features(part))
    return table


def score(table: np.ndarray, prepared: Prepared, split: str) -> np.ndarray:
    """Return the confusion matrix over all labelled pixels of the split."""
    frames = zip(prepared.images(split), prepared.labels(split), strict=True)
    return sum(metrics.confusion(label, table[cells(image)], len(prepared.classes)) for image, label in frames)


def _features(sampled: np.ndarray) -> np.ndarray:
    return np.column_stack(np.unravel_index(sampled, LEVELS)).astype(np.float32)
