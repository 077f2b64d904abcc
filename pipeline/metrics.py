"""Scores from confusion matrices, the border band, and recall by object size. Labels are HxW class indices."""

from typing import Any

import numpy as np
from scipy import ndimage

from pipeline.datasets.base import IGNORE

COUNTABLE = frozenset(
    "person pedestrian rider bicyclist car truck bus train motorcycle bicycle pole signsymbol".split()
    + ["traffic light", "traffic sign"]
)
"""Classes, by name in lower case, whose connected components are taken for objects where a set has no instances:
things one can count, and the thin and small ones that the paper argues about; not road, sky or walls."""

EIGHT = np.ones((3, 3), bool)


def confusion(truth: np.ndarray, prediction: np.ndarray, classes: int) -> np.ndarray:
    """Pixels by truth (rows) and prediction (columns), int64 CxC; pixels whose truth is `IGNORE` are left out."""
    kept = truth != IGNORE
    pairs = truth[kept].astype(np.int64) * classes + prediction[kept]
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def iou(matrix: np.ndarray) -> np.ndarray:
    """Intersection over union by class; NaN for a class that occurs neither in truth nor in prediction."""
    hits = np.diagonal(matrix, axis1=-2, axis2=-1)
    union = matrix.sum(-1) + matrix.sum(-2) - hits
    return np.divide(hits, union, out=np.full(union.shape, np.nan), where=union > 0)


def scores(matrix: np.ndarray, names: list[str]) -> dict[str, Any]:
    """mIoU over the classes that occur, pixel accuracy, IoU by class name, and the classes that never occur."""
    by_class = iou(matrix)
    return {
        "miou": float(np.nanmean(by_class)),
        "pixel_accuracy": float(np.trace(matrix) / matrix.sum()),
        "iou": {name: None if np.isnan(value) else float(value) for name, value in zip(names, by_class, strict=True)},
        "absent": [name for name, value in zip(names, by_class, strict=True) if np.isnan(value)],
    }


def border_band(truth: np.ndarray, width: int) -> np.ndarray:
    """Whether each pixel lies within `width` pixels (chessboard distance) of another class; HxW bool.

    An edge against void is where the annotator stopped, not where a class ends, and makes no border.
    """
    edge = np.zeros(truth.shape, bool)
    for axis in (0, 1):
        near, far = (np.take(truth, range(start, truth.shape[axis] - 1 + start), axis) for start in (0, 1))
        differs = (near != far) & (near != IGNORE) & (far != IGNORE)
        for start in (0, 1):
            index = [slice(None), slice(None)]
            index[axis] = slice(start, truth.shape[axis] - 1 + start)
            edge[tuple(index)] |= differs
    # A pixel at the edge is within 1 of the other class; each further step of the square adds one.
    return ndimage.maximum_filter(edge, size=2 * width - 1, mode="constant")


def objects(
    truth: np.ndarray, prediction: np.ndarray, names: list[str], instances: np.ndarray | None
) -> np.ndarray:
    """One row an object, Mx3 int64: class, pixels, correctly labelled pixels.

    Objects are the instances, each of the class most of its pixels have; without instances, the 8-connected components
    of the `COUNTABLE` classes.
    """
    marked = _components(truth, names) if instances is None else instances
    kept = (marked > 0) & (truth != IGNORE)
    if not kept.any():
        return np.zeros((0, 3), np.int64)
    _, which = np.unique(marked[kept], return_inverse=True)
    votes = np.zeros((which.max() + 1, len(names)), np.int64)
    np.add.at(votes, (which, truth[kept]), 1)
    classes = votes.argmax(1)
    right = np.bincount(which, weights=prediction[kept] == classes[which], minlength=len(votes))
    return np.stack([classes, votes.sum(1), right.astype(np.int64)], axis=1)


def _components(truth: np.ndarray, names: list[str]) -> np.ndarray:
    marked, count = np.zeros(truth.shape, np.int32), 0
    for index, name in enumerate(names):
        if name.lower() in COUNTABLE:
            labelled, found = ndimage.label(truth == index, EIGHT)
            marked[labelled > 0] = labelled[labelled > 0] + count
            count += found
    return marked


def recall_by_size(rows: np.ndarray, bounds: list[int]) -> list[dict[str, Any]]:
    """Mean share of an object's pixels that are right, over the objects of each size; `rows` end in (pixels, right)."""
    pixels, right = rows[:, -2], rows[:, -1]
    bins = []
    for above, upto in zip([0, *bounds], [*bounds, None], strict=True):
        chosen = (pixels > above) & (pixels <= (upto or np.inf))
        recall = float((right[chosen] / pixels[chosen]).mean()) if chosen.any() else None
        bins.append({"above": above, "upto": upto, "count": int(chosen.sum()), "recall": recall})
    return bins
