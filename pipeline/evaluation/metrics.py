"""What predictions are scored by: confusion matrices, IoU, the border band, and recall by object size. Numpy alone.

A confusion matrix is CxC int64 pixels, rows truth, columns prediction; ignored pixels are in none of them.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import ndimage

from pipeline.data.base import IGNORE
from pipeline.utils.confusion import SCORES, iou

COUNTABLE = frozenset(
    ("person", "pedestrian", "rider", "bicyclist", "car", "truck", "bus", "train", "motorcycle", "bicycle")
    + ("pole", "traffic light", "traffic sign", "signsymbol")
)
"""Class names (Cityscapes' and CamVid's, lower case) of which a connected region stands for one object.

Cityscapes' "things", and poles, lights and signs: thin and small, and each a body of its own. Road, building,
vegetation, fence and the like are "stuff": the size of a region of them says how much of it was in view.
"""

OBJECT_COLUMNS = ("class", "pixels", "correct")


def confusion(truth: np.ndarray, prediction: np.ndarray, classes: int) -> np.ndarray:
    """Confusion matrix of two arrays of one shape: `truth` of class indices or `IGNORE`, `prediction` of indices."""
    pairs = truth.astype(np.int32).ravel() * classes + prediction.ravel()
    # An ignored pixel's pair lies past those of the classes, so that the cut drops it.
    return np.bincount(pairs, minlength=classes**2)[: classes**2].reshape(classes, classes).astype(np.int64)


def scores(confusion: np.ndarray, names: Sequence[str]) -> dict[str, Any]:
    """Every score of `SCORES`, `iou` by class name (None if absent) and the `absent` classes, ready for JSON."""
    each = dict(zip(names, iou(confusion).tolist(), strict=True))
    return {
        **{name: _or_none(float(score(confusion))) for name, score in SCORES.items()},
        "iou": {name: _or_none(value) for name, value in each.items()},
        "absent": [name for name, value in each.items() if np.isnan(value)],
    }


def border_band(truth: np.ndarray, width: int) -> np.ndarray:
    """Where `truth` (HxW) is within `width` pixels of a border between two classes: HxW bool.

    A border lies between two pixels that share a side and hold different classes, and those two are within 1. Further
    out, distance is counted in steps to any of the eight neighbours (chessboard). A border against ignored pixels does
    not count: it is where the annotation ends, not where an object does.
    """
    touching = np.zeros(truth.shape, np.uint8)
    for one, other in ((np.s_[1:], np.s_[:-1]), (np.s_[:, 1:], np.s_[:, :-1])):
        differs = (truth[one] != truth[other]) & (truth[one] != IGNORE) & (truth[other] != IGNORE)
        touching[one] |= differs
        touching[other] |= differs
    return ndimage.maximum_filter(touching, 2 * width - 1, mode="constant").astype(bool)


def components(truth: np.ndarray, countable: Sequence[int]) -> np.ndarray:
    """Objects of `truth` (HxW) where none are annotated: HxW int32, 0 or the number of an 8-connected region.

    `countable` are the indices of the classes that have objects. Two cars that touch are one region, and a car behind
    a pole is two: sizes found so are comparable within a data set, not with annotated instances.
    """
    found, count = np.zeros(truth.shape, np.int32), 0
    for index in countable:
        where = truth == index
        if not where.any():
            continue
        regions, number = ndimage.label(where, structure=np.ones((3, 3)))
        found[where] = regions[where] + count
        count += number
    return found


def objects(truth: np.ndarray, instances: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """A row (class, pixels, correctly labelled pixels) for each object of one image: (M, 3) int64, by object number.

    `instances` is 0 where there is no object. An object's class is the one that most of its pixels hold, the first of
    equals; its ignored pixels do not count.
    """
    inside = (instances != 0) & (truth != IGNORE)
    numbers, which = np.unique(instances[inside], return_inverse=True)
    labels, right = truth[inside], truth[inside] == prediction[inside]
    votes = np.zeros((len(numbers), IGNORE), np.int64)
    np.add.at(votes, (which, labels), 1)
    correct = np.bincount(which, weights=right, minlength=len(numbers)).astype(np.int64)
    return np.column_stack([votes.argmax(1), votes.sum(1), correct])


def recall_by_size(objects: np.ndarray, bounds: Sequence[int]) -> list[dict[str, Any]]:
    """Recall of objects (M rows of `pixels`, `correct`) in bins of size: above `above` and up to `upto` pixels.

    An object's recall is the share of its pixels that are labelled correctly, and a bin's is the mean over its objects,
    so that each object counts once, whatever its size; None for an empty bin. The last bin is open.
    """
    pixels, correct = objects[:, -2], objects[:, -1]
    edges = [0, *sorted(set(bounds)), None]
    bins = []
    for above, upto in zip(edges[:-1], edges[1:], strict=True):
        chosen = (pixels > above) & (pixels <= (pixels if upto is None else upto))
        recall = float((correct[chosen] / pixels[chosen]).mean()) if chosen.any() else None
        bins.append({"above": above, "upto": upto, "count": int(chosen.sum()), "recall": recall})
    return bins


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else value
