"""Errors, intervals, p-values and detectable differences of a mean over the seeds.

A mean has two errors. That over the seeds says what other seeds would give on these frames; that over the frames says
what other frames would give with these networks. Both are independent, so the error of the mean is the root of the sum
of their squares, and its degrees of freedom are those of Welch and Satterthwaite. p-values of several comparisons are
corrected by Holm's method.
"""

from dataclasses import dataclass
from functools import cached_property
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


NONE = Interval(np.nan, np.nan)


class Spread(NamedTuple):
    """Standard deviation between seeds, its degrees of freedom, and whether it is that of all variants together."""

    deviation: float
    freedom: float
    pooled: bool = False


@dataclass(frozen=True)
class Estimate:
    """A mean over the seeds, or a difference of two, with its standard errors and their degrees of freedom.

    Errors are NaN where they cannot be estimated; then the interval is `NONE` and p is NaN.
    """

    value: float
    seeds_error: float
    seeds_freedom: float
    frames_error: float
    frames_freedom: float

    @cached_property
    def error(self) -> float:
        """Standard error over seeds and frames together."""
        return float(np.hypot(self.seeds_error, self.frames_error))

    @cached_property
    def freedom(self) -> float:
        """Degrees of freedom of `error` (Welch 1947)."""
        parts = self.seeds_error**4 / self.seeds_freedom + self.frames_error**4 / self.frames_freedom
        return self.error**4 / parts if parts else self.seeds_freedom

    @property
    def interval(self) -> Interval:
        """95 % interval over seeds and frames together."""
        return _interval(self.value, self.error, self.freedom)

    @property
    def seeds(self) -> Interval:
        """95 % interval over the seeds alone."""
        return _interval(self.value, self.seeds_error, self.seeds_freedom)

    @property
    def frames(self) -> Interval:
        """95 % interval over the frames alone."""
        return _interval(self.value, self.frames_error, self.frames_freedom)

    @property
    def p(self) -> float:
        """Two-sided p of the hypothesis that the true value is 0."""
        if self.error == 0:
            return float(self.value == 0)
        return float(2 * stats.t.sf(abs(self.value) / self.error, self.freedom))

    def p_above(self, bound: float) -> float:
        """One-sided p of the hypothesis that the true value is at most `bound`."""
        if self.error == 0:
            return float(self.value <= bound)
        return float(stats.t.sf((self.value - bound) / self.error, self.freedom))

    def p_smaller(self, margin: float) -> float:
        """p of the hypothesis that the true value is at least `margin` away from 0: two one-sided tests."""
        return max(self.p_above(-margin), 1 - self.p_above(margin))

    def detectable(self, comparisons: int = 1) -> float:
        """The true value that the test finds with probability `POWER`, given this error; NaN without one.

        The test is two-sided, and the first step of Holm's method for this number of comparisons: the strictest one.
        """
        return detectable(self.error, self.freedom, comparisons)


def detectable(error: float, freedom: float, comparisons: int = 1) -> float:
    """`Estimate.detectable`. The power is that of the noncentral t distribution, whose square is a noncentral F with 1
    degree of freedom (scipy's noncentral t lacks the lower tail for few degrees of freedom)."""
    if np.isnan(error) or np.isnan(freedom):
        return np.nan
    limit = stats.t.isf((1 - LEVEL) / comparisons / 2, freedom)

    def missing(shift: float) -> float:
        return stats.ncf.sf(limit**2, 1, freedom, shift**2) - POWER

    return optimize.brentq(missing, 0, 10 * limit) * error


def over_seeds(values: np.ndarray) -> Interval:
    """Student's t interval of the mean of `values`, one per seed. `NONE` for fewer than `MINIMUM_SEEDS` values."""
    spread = own_spread(values)
    return _interval(np.mean(values), spread.deviation / np.sqrt(len(values)), spread.freedom)


def p_over_seeds(differences: np.ndarray) -> float:
    """Two-sided p of the paired t test, from one difference per seed. NaN for fewer than `MINIMUM_SEEDS`."""
    spread = own_spread(differences)
    error = spread.deviation / np.sqrt(len(differences))
    return Estimate(float(np.mean(differences)), error, spread.freedom, 0.0, np.inf).p


def own_spread(values: np.ndarray) -> Spread:
    """The spread of `values`, one per seed. NaN for fewer than `MINIMUM_SEEDS`."""
    count = len(values)
    if count < MINIMUM_SEEDS:
        return Spread(np.nan, np.nan)
    return Spread(np.std(values, ddof=1) if np.ptp(values) else 0.0, count - 1)  # std of equal values is not quite 0


def pooled_spread(scores: np.ndarray) -> Spread | None:
    """The spread of a single run in `scores` (variants, seeds), after a mean for each variant and for each seed.

    It is the residual of a two-way analysis of variance. None if it must not be pooled: there are fewer than
    `MINIMUM_SEEDS` seeds or three variants, or Bartlett's test finds different spreads (p below 0.05).
    """
    variants, seeds = scores.shape
    if seeds < MINIMUM_SEEDS or variants < 3:
        return None
    residuals = scores - scores.mean(1, keepdims=True) - scores.mean(0) + scores.mean()
    spreads = residuals.std(1)
    if not spreads.all() or stats.bartlett(*residuals).pvalue < 1 - LEVEL:
        return None
    freedom = (variants - 1) * (seeds - 1)
    return Spread(float(np.sqrt((residuals**2).sum() / freedom)), freedom, pooled=True)


def resampled(confusion: np.ndarray, block: int = 1) -> np.ndarray:
    """(`RESAMPLES`,) mIoU, mean over the seeds, of resampled frames; `confusion` is (seeds, frames, C, C).

    Each resample draws as many blocks of `block` consecutive frames as there are, with replacement, and takes the mIoU
    of the summed matrices. The draws are the same for all networks, so that their difference is one of the same frames.
    """
    parts = counts(confusion)
    starts = np.arange(0, parts.shape[1], block)
    blocks = np.add.reduceat(parts, starts, axis=1)
    drawn = np.random.default_rng(0).multinomial(len(starts), np.full(len(starts), 1 / len(starts)), RESAMPLES)
    return mean_iou(np.einsum("rb,sbck->srck", drawn.astype(float), blocks, optimize=True)).mean(0)


def frames_error(resamples: np.ndarray, blocks: int) -> tuple[float, float]:
    """Standard error over the frames, from resampled values, and its degrees of freedom. NaN for fewer than two blocks.

    The bootstrap's variance is too small by the factor (blocks - 1) / blocks.
    """
    if blocks < 2:
        return np.nan, np.nan
    return float(np.std(resamples) * np.sqrt(blocks / (blocks - 1))), blocks - 1


def holm(p: np.ndarray, comparisons: int = 0) -> np.ndarray:
    """p-values adjusted for the number of comparisons (Holm 1979). NaNs stay NaN and do not count.

    With more `comparisons` than p-values, the others are still to come and may turn out smaller or larger.
    """
    adjusted = np.full(len(p), np.nan)
    order = np.argsort(p)[: np.isfinite(p).sum()]
    left = max(comparisons, len(order)) - np.arange(len(order))
    adjusted[order] = np.minimum(1, np.maximum.accumulate(left * p[order]))
    return adjusted


def _interval(value: float, error: float, freedom: float) -> Interval:
    half = stats.t.ppf((1 + LEVEL) / 2, freedom) * error
    return NONE if np.isnan(half) else Interval(float(value - half), float(value + half))
