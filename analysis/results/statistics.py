"""Confidence intervals, p-values and detectable differences.

Over seeds they come from Student's t distribution, over images from the bootstrap. p-values of several comparisons are
corrected by Holm's method.
"""

from typing import NamedTuple

import numpy as np
from scipy import optimize, stats

from pipeline.utils.confusion import counts, mean_iou

LEVEL = 0.95
MINIMUM_SEEDS = 3
"""Fewer seeds give no interval: with two, the factor of Student's t is already 12.7."""
RESAMPLES = 2000
POWER = 0.8
"""Probability with which a detectable difference is found."""


class Interval(NamedTuple):
    low: float
    high: float

    def excludes_zero(self, sign: int) -> bool:
        """Whether the whole interval lies above (`sign` +1) or below (-1) zero; False if there is no interval."""
        return min(sign * self.low, sign * self.high) > 0


NONE = Interval(np.nan, np.nan)


def over_seeds(values: np.ndarray) -> Interval:
    """Student's t interval of the mean of `values`, one per seed. `NONE` for fewer than `MINIMUM_SEEDS` values."""
    count = len(values)
    if count < MINIMUM_SEEDS:
        return NONE
    half = stats.t.ppf((1 + LEVEL) / 2, count - 1) * np.std(values, ddof=1) / np.sqrt(count)
    return Interval(np.mean(values) - half, np.mean(values) + half)


def over_images(confusion: np.ndarray, baseline: np.ndarray | None = None) -> Interval:
    """Only the interval of `bootstrap`."""
    return bootstrap(confusion, baseline)[0]


def bootstrap(confusion: np.ndarray, baseline: np.ndarray | None = None) -> tuple[Interval, float]:
    """BCa interval and standard error, over images, of the mIoU (mean over the seeds) or its difference to `baseline`.

    Both arrays are (seeds, images, C, C). Each resample draws images with replacement, the same ones for every seed and
    for the baseline, and takes the mIoU of the summed matrices. The seeds are not resampled. With fewer than two images
    the interval is `NONE` and the error NaN.
    """
    images = confusion.shape[1]
    if images < 2:
        return NONE, np.nan
    parts = [counts(each) for each in (confusion, baseline) if each is not None]

    def statistic(drawn: np.ndarray, axis: int = -1) -> np.ndarray:
        times = _times_drawn(drawn, images)
        means = [mean_iou(np.einsum("...i,sick->...sck", times, part, optimize=True)).mean(-1) for part in parts]
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
    """Two-sided p of the paired t test, from one difference per seed. NaN for fewer than `MINIMUM_SEEDS`."""
    if len(differences) < MINIMUM_SEEDS:
        return np.nan
    if np.ptp(differences) == 0:
        return float(not differences.any())  # no spread: the t statistic is infinite, or undefined where all are 0
    return float(stats.ttest_1samp(differences, 0).pvalue)


def p_over_images(difference: float, error: float) -> float:
    """Two-sided p of a difference, assumed normal with the bootstrap's standard error. NaN if the error is NaN."""
    return 1.0 if difference == 0 else float(2 * stats.norm.sf(abs(difference) / error)) if error else 0.0


def holm(p: np.ndarray) -> np.ndarray:
    """p-values adjusted for the number of comparisons (Holm 1979). NaNs stay NaN and do not count."""
    adjusted = np.full(len(p), np.nan)
    order = np.argsort(p)[: np.isfinite(p).sum()]
    adjusted[order] = np.minimum(1, np.maximum.accumulate(np.arange(len(order), 0, -1) * p[order]))
    return adjusted


def detectable_over_seeds(differences: np.ndarray) -> float:
    """The true mean difference that the paired t test finds with probability `POWER`, given these seeds and spread.

    The test is two-sided at level 1 - `LEVEL`. The power comes from the noncentral t distribution, whose square is a
    noncentral F with 1 degree of freedom (scipy's noncentral t lacks the lower tail for few seeds). NaN for fewer than
    `MINIMUM_SEEDS`.
    """
    count = len(differences)
    if count < MINIMUM_SEEDS:
        return np.nan
    limit = stats.t.ppf((1 + LEVEL) / 2, count - 1)

    def missing(shift: float) -> float:
        return stats.ncf.sf(limit**2, 1, count - 1, shift**2) - POWER

    return optimize.brentq(missing, 0, 10 * limit) * np.std(differences, ddof=1) / np.sqrt(count)


def detectable_over_images(error: float) -> float:
    """The true difference that these images show with probability `POWER`, two-sided, given the bootstrap's error."""
    return (stats.norm.ppf((1 + LEVEL) / 2) + stats.norm.ppf(POWER)) * error


def verdict(seeds: int, adjusted: float, *intervals: Interval) -> str:
    """Return `above` or `below` if every interval and the adjusted p say so, otherwise `within the noise`."""
    if seeds < MINIMUM_SEEDS:
        return "too few seeds"
    for word, sign in (("above", 1), ("below", -1)):
        if adjusted < 1 - LEVEL and all(interval.excludes_zero(sign) for interval in intervals):
            return word
    return "within the noise"


def _times_drawn(drawn: np.ndarray, images: int) -> np.ndarray:
    """Count how often each image occurs in the last axis of `drawn`: indices (..., n) -> (..., images)."""
    rows = drawn.reshape(-1, drawn.shape[-1])
    shifted = rows + images * np.arange(len(rows))[:, None]
    return np.bincount(shifted.ravel(), minlength=len(rows) * images).reshape(*drawn.shape[:-1], images).astype(float)
