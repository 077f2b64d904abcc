"""The floor: a classifier that sees one pixel's colour and position. A network below it is undertrained, not a result."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from pipeline import metrics
from pipeline.datasets.base import IGNORE
from pipeline.prepared import Prepared
from pipeline.progress import progress

if TYPE_CHECKING:
    from pipeline.params import Floor, Training

FEATURES = ["r", "g", "b", "row", "column"]


def fit(floor: "Floor", training: "Training", data: Path) -> dict[str, Any]:
    """Train on pixels of the frames that networks train on, score on every pixel of those that they are scored on."""
    started, prepared = time.perf_counter(), Prepared(data)
    names = [each.name for each in prepared.classes]
    features, classes = _sample(prepared, training.splits, floor)
    with threadpool_limits(1):
        model = HistGradientBoostingClassifier(
            max_iter=floor.iterations, early_stopping=False, random_state=floor.seed
        ).fit(features, classes)
        matrix = _score(model, prepared, training.score, len(names))
    common = int(np.bincount(classes).argmax())
    majority = np.zeros_like(matrix)
    majority[:, common] = matrix.sum(1)
    constant = metrics.scores(majority, names)
    return {
        "split": training.score,
        "frames": len(prepared.labels(training.score)),
        **metrics.scores(matrix, names),
        "majority": {"class": names[common], "miou": constant["miou"], "pixel_accuracy": constant["pixel_accuracy"]},
        "pixels": len(classes),
        "features": FEATURES,
        "seconds": round(time.perf_counter() - started, 1),
    }


def _sample(prepared: Prepared, splits: list[str], floor: "Floor") -> tuple[np.ndarray, np.ndarray]:
    """As many pixels from every training frame, void left out: features Nx5 uint8 and classes N."""
    random = np.random.default_rng(floor.seed)
    frames = sum(len(prepared.labels(split)) for split in splits)
    each = max(1, floor.pixels // frames)
    features, classes = [], []
    for split in splits:
        for image, label in zip(prepared.images(split), prepared.labels(split), strict=True):
            chosen = random.integers(0, label.size, each)
            chosen = chosen[label.ravel()[chosen] != IGNORE]
            features.append(_features(image)[chosen])
            classes.append(label.ravel()[chosen])
    return np.concatenate(features), np.concatenate(classes)


def _features(image: np.ndarray) -> np.ndarray:
    """(H*W)x5 uint8: colour, and position in 256 steps; the classifier bins every feature in 255 anyway."""
    rows, columns = (np.arange(side) * 256 // side for side in image.shape[:2])
    place = np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1).astype(np.uint8)
    return np.concatenate([image, place], axis=-1).reshape(-1, len(FEATURES))


def _score(model: HistGradientBoostingClassifier, prepared: Prepared, split: str, classes: int) -> np.ndarray:
    matrix = np.zeros((classes, classes), np.int64)
    pairs = list(zip(prepared.images(split), prepared.labels(split), strict=True))
    for image, label in progress(pairs, "scoring the floor", len(pairs), unit="frames"):
        kept = label.ravel() != IGNORE
        prediction = model.predict(_features(image)[kept])
        matrix += metrics.confusion(label.ravel()[kept], prediction, classes)
    return matrix
