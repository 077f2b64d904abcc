"""The mIoU of a study's variants, and the difference of any two, with their errors over seeds and frames."""

from collections.abc import Mapping
from functools import cached_property

import numpy as np
import pandas as pd

from analysis.results import statistics
from analysis.results.statistics import Estimate, Spread


class Differences:
    """Estimates from a study's runs, paired by seed and by frame. Scores are fractions.

    `scores` are mIoU, one row per variant and one column per seed. `confusion`, by variant, is (seeds, frames, classes,
    classes). Blocks of `block` consecutive frames are resampled together.
    """

    def __init__(self, scores: pd.DataFrame, confusion: Mapping[str, np.ndarray], block: int):
        self.scores, self.confusion, self.block = scores, confusion, block
        self.blocks = -(-next(iter(confusion.values())).shape[1] // block)

    @cached_property
    def pooled(self) -> Spread | None:
        """The spread of all variants together, or None if their spreads differ or the seeds are too few."""
        return statistics.pooled_spread(self.scores.to_numpy())

    def of(self, variant: str) -> Estimate:
        """The mean mIoU of a variant."""
        values = self.scores.loc[variant].to_numpy()
        return self._estimate(values, statistics.own_spread(values), self._resampled[variant])

    def between(self, variant: str, reference: str) -> Estimate:
        """The mean difference of `variant` to `reference`."""
        resamples = self._resampled[variant] - self._resampled[reference]
        return self._estimate(self.paired(variant, reference), self.spread(variant, reference), resamples)

    def paired(self, variant: str, reference: str) -> np.ndarray:
        """The difference of each seed."""
        return (self.scores.loc[variant] - self.scores.loc[reference]).to_numpy()

    def spread(self, variant: str, reference: str) -> Spread:
        """The standard deviation of the difference of two runs of one seed."""
        if self.pooled:
            return self.pooled._replace(deviation=np.sqrt(2) * self.pooled.deviation)
        return statistics.own_spread(self.paired(variant, reference))

    def _estimate(self, values: np.ndarray, spread: Spread, resamples: np.ndarray) -> Estimate:
        error = spread.deviation / np.sqrt(len(values))
        return Estimate(float(values.mean()), error, spread.freedom, *statistics.frames_error(resamples, self.blocks))

    @cached_property
    def _resampled(self) -> dict[str, np.ndarray]:
        return {name: statistics.resampled(each, self.block) for name, each in self.confusion.items()}
