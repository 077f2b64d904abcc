"""The mIoU of a study's variants, and the difference of any two, with their errors over seeds and frames."""

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from analysis.results import statistics
from analysis.results.statistics import Estimate, Spread

if TYPE_CHECKING:
    from analysis.results.results import Results


class Differences:
    """Estimates from the results of a study. Scores are fractions; runs are paired by seed and frames by position."""

    def __init__(self, results: "Results"):
        self.results = results
        self.scores = results.scores["miou"].unstack("seed").reindex(results.study.variants)
        frames = results.confusion[results.study.baseline].shape[1]
        self.blocks = -(-frames // results.study.frames_per_block)

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
        block = self.results.study.frames_per_block
        return {name: statistics.resampled(each, block) for name, each in self.results.confusion.items()}
