"""Scores of confusion matrices. Numpy alone, so that both evaluation and analysis can use them.

A confusion matrix is C x C, rows are the truth and columns the prediction. Every function takes any number of leading
axes: (..., C, C).
"""

from collections.abc import Callable

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
