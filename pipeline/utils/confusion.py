"""Scores of confusion matrices and of objects. Numpy alone, so that both evaluation and analysis can use them.

A confusion matrix is C x C, rows are the truth and columns the prediction. A function that is registered as a `score`
takes any number of leading axes: (..., C, C).
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Score = Callable[[np.ndarray], np.ndarray]
SCORES: dict[str, Score] = {}
"""The scores that evaluation records, by name. `score` adds to them."""


def score(function: Score) -> Score:
    """Record this score of every split, border band and floor under the function's name."""
    SCORES[function.__name__] = function
    return function


@score
def miou(confusion: np.ndarray) -> np.ndarray:
    """Mean IoU over the classes that occur in truth or prediction; NaN where no class occurs."""
    return mean_iou(counts(confusion))


@score
def pixel_accuracy(confusion: np.ndarray) -> np.ndarray:
    """Share of the pixels that are labelled correctly; NaN where there are none."""
    with np.errstate(invalid="ignore"):
        return np.trace(confusion, axis1=-2, axis2=-1) / confusion.sum((-2, -1))


def iou(confusion: np.ndarray) -> np.ndarray:
    """Intersection over union of each class, (..., C); NaN for a class in neither truth nor prediction."""
    return iou_of_counts(counts(confusion))


def counts(confusion: np.ndarray) -> np.ndarray:
    """(..., C, 3): the pixels of each class that are correct, true and predicted."""
    correct = np.diagonal(confusion, axis1=-2, axis2=-1)
    return np.stack([correct, confusion.sum(-1), confusion.sum(-2)], axis=-1).astype(float)


def iou_of_counts(counts: np.ndarray) -> np.ndarray:
    """IoU of each class, (..., C), from its `counts`, (..., C, 3)."""
    correct, true, predicted = np.moveaxis(counts, -1, 0)
    union = true + predicted - correct
    return np.divide(correct, union, where=union > 0, out=np.full_like(union, np.nan))


def mean_iou(counts: np.ndarray) -> np.ndarray:
    """Mean IoU, (...), from `counts`, (..., C, 3). A class that does not occur is left out, not scored 0."""
    each = iou_of_counts(counts)
    with np.errstate(invalid="ignore"):
        return np.nansum(each, -1) / np.isfinite(each).sum(-1)


def scores(confusion: np.ndarray, names: Sequence[str]) -> dict[str, Any]:
    """Return a JSON-compatible dictionary of scores.

    It contains every score of `SCORES`, `iou` by class name (None if absent) and the list of `absent` classes.
    """
    by_class = dict(zip(names, iou(confusion).tolist(), strict=True))
    return {
        **{name: _or_none(float(score(confusion))) for name, score in SCORES.items()},
        "iou": {name: _or_none(value) for name, value in by_class.items()},
        "absent": [name for name, value in by_class.items() if np.isnan(value)],
    }


def always(index: int, pixels: np.ndarray) -> np.ndarray:
    """The confusion matrix of a classifier that predicts one class everywhere; `pixels` (C) are those of each class."""
    confusion = np.zeros((len(pixels), len(pixels)), np.int64)
    confusion[:, index] = pixels
    return confusion


def recall_by_size(objects: np.ndarray, bounds: Sequence[int]) -> list[dict[str, Any]]:
    """Return the recall of objects by size, in bins with more than `above` and up to `upto` pixels.

    `objects` has M rows that end in pixels and correct pixels. The recall of an object is the fraction of its pixels
    that are labelled correctly. The recall of a bin is the mean over its objects, so that each object has equal weight,
    or None if the bin is empty. The last bin has no upper limit.
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
