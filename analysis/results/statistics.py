"""mIoU of many confusion matrices at once, and what a difference is worth.

Intervals, p-values and the smallest difference that could have been seen: over seeds by Student's t, over images by the
bootstrap. Several comparisons are corrected by Holm's method.
"""

from typing import NamedTuple

import numpy as np
from scipy import optimize, stats

LEVEL = 0.95
MINIMUM_SEEDS = 3
"""With fewer an interval over seeds is no basis for a verdict (with two, Student's factor is 12.7)."""
RESAMPLES = 2000
POWER = 0.8
"""With which the smallest difference that could have been seen would have been."""


class Interval(NamedTuple):
    low: float
    high: float

    def excludes_zero(self, sign: int) -> bool:
        """Whether all of it lies above (+1) or below (-1) zero; False if there is no interval."""
        return min(sign * self.low, sign * self.high) > 0


NONE = Interval(np.nan, np.nan)


def miou(confusion: np.ndarray) -> np.ndarray:
    """Mean IoU, (...), of confusion matrices (..., C, C), over the classes that occur in truth or prediction."""
    return _mean_iou(_counts(confusion))


def over_seeds(values: np.ndarray) -> Interval:
    """Student's t interval of the mean of `values`, one a seed; none for fewer than `MINIMUM_SEEDS`."""
    count = len(values)
    if count < MINIMUM_SEEDS:
        return NONE
    half = stats.t.ppf((1 + LEVEL) / 2, count - 1) * np.std(values, ddof=1) / np.sqrt(count)
    return Interval(np.mean(values) - half, np.mean(values) + half)


def over_images(confusion: np.ndarray, baseline: np.ndarray | None = None) -> Interval:
    """The interval of `bootstrap` alone."""
    return bootstrap(confusion, baseline)[0]


def bootstrap(confusion: np.ndarray, baseline: np.ndarray | None = None) -> tuple[Interval, float]:
    """BCa interval and standard error over images of the mIoU's mean over seeds, or of its difference to `baseline`'s.

    Both arrays are (seeds, images, C, C). A resample draws images with replacement, the same for every seed and for
    the baseline, and takes the mIoU of the summed matrices. The seeds stay fixed. None for fewer than two images.
    """
    images = confusion.shape[1]
    if images < 2:
        return NONE, np.nan
    parts = [_counts(each) for each in (confusion, baseline) if each is not None]

    def statistic(drawn: np.ndarray, axis: int = -1) -> np.ndarray:
        times = _times_drawn(drawn, images)
        means = [_mean_iou(np.einsum("...i,sick->...sck", times, part, optimize=True)).mean(-1) for part in parts]
        return means[0] - means[1] if len(means) > 1 else means[0]

    drawn = np.arange(images)
    estimate = statistic(drawn)
    if baseline is not None and np.array_equal(*parts):
        return Interval(estimate, estimate), 0.0  # BCa is not defined where every resample gives the same
    found = stats.bootstrap(
        (drawn,), statistic, vectorized=True, n_resamples=RESAMPLES, confidence_level=LEVEL, batch=250,
        method="BCa", rng=np.random.default_rng(0),
    )  # fmt: skip
    return Interval(*map(float, found.confidence_interval)), float(found.standard_error)


def p_over_seeds(differences: np.ndarray) -> float:
    """Two-sided p of the paired t test, from one difference a seed; NaN for fewer than `MINIMUM_SEEDS`."""
    if len(differences) < MINIMUM_SEEDS:
        return np.nan
    if np.ptp(differences) == 0:
        return float(not differences.any())  # no spread: the t statistic is infinite, or undefined where all are 0
    return float(stats.ttest_1samp(differences, 0).pvalue)


def p_over_images(difference: float, error: float) -> float:
    """Two-sided p of a difference with a bootstrap standard error, taken as normal; NaN without one."""
    return 1.0 if difference == 0 else float(2 * stats.norm.sf(abs(difference) / error)) if error else 0.0


def holm(p: np.ndarray) -> np.ndarray:
    """p-values adjusted for their number (Holm 1979); NaNs stay and do not count."""
    adjusted = np.full(len(p), np.nan)
    order = np.argsort(p)[: np.isfinite(p).sum()]
    adjusted[order] = np.minimum(1, np.maximum.accumulate(np.arange(len(order), 0, -1) * p[order]))
    return adjusted


def detectable_over_seeds(differences: np.ndarray) -> float:
    """The true mean difference that the paired t test finds with `POWER`, given this number of seeds and their spread.

    Two-sided at 1 - `LEVEL`, from the noncentral t distribution, whose square is a noncentral F with 1 degree of
    freedom (scipy's noncentral t has no lower tail for few seeds). NaN for fewer than `MINIMUM_SEEDS`.
    """
    count = len(differences)
    if count < MINIMUM_SEEDS:
        return np.nan
    limit = stats.t.ppf((1 + LEVEL) / 2, count - 1)

    def missing(shift: float) -> float:
        return stats.ncf.sf(limit**2, 1, count - 1, shift**2) - POWER

    return optimize.brentq(missing, 0, 10 * limit) * np.std(differences, ddof=1) / np.sqrt(count)


def detectable_over_images(error: float) -> float:
    """The true difference that these images show with `POWER`, two-sided at 1 - `LEVEL`, from the bootstrap's error."""
    return (stats.norm.ppf((1 + LEVEL) / 2) + stats.norm.ppf(POWER)) * error


def verdict(seeds: int, adjusted: float, *intervals: Interval) -> str:
    """`above` or `below` if every interval lies there and the adjusted p agrees, else `within the noise`."""
    if seeds < MINIMUM_SEEDS:
        return "too few seeds"
    for word, sign in (("above", 1), ("below", -1)):
        if adjusted < 1 - LEVEL and all(interval.excludes_zero(sign) for interval in intervals):
            return word
    return "within the noise"


def _counts(confusion: np.ndarray) -> np.ndarray:
    """(..., C, 3): of each class the pixels that are correct, true, and predicted."""
    correct = np.diagonal(confusion, axis1=-2, axis2=-1)
    return np.stack([correct, confusion.sum(-1), confusion.sum(-2)], axis=-1).astype(float)


def _mean_iou(counts: np.ndarray) -> np.ndarray:
    correct, true, predicted = np.moveaxis(counts, -1, 0)
    union = true + predicted - correct
    present = union > 0
    return np.divide(correct, union, where=present, out=np.zeros_like(union)).sum(-1) / present.sum(-1)


def _times_drawn(drawn: np.ndarray, images: int) -> np.ndarray:
    """How often each image is among the last axis of `drawn`: (..., n) indices -> (..., images)."""
    rows = drawn.reshape(-1, drawn.shape[-1])
    shifted = rows + images * np.arange(len(rows))[:, None]
    return np.bincount(shifted.ravel(), minlength=len(rows) * images).reshape(*drawn.shape[:-1], images).astype(float)
