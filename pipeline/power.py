"""What a study could see: the effects that its seeds would find, and the seeds that the paper's effects would take.

The spread between seeds and the error over frames come from runs that exist: the study's own, or those of a kept study,
preferably on the same data.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from analysis.claims import claims, effects
from analysis.results import results, statistics
from analysis.results.results import Results
from analysis.results.statistics import MINIMUM_SEEDS, Estimate
from pipeline.config import params as parameters
from pipeline.config import paths
from pipeline.config.params import Params
from pipeline.config.study import Study
from pipeline.utils.errors import BadInput

RESULTS = Path("results")
SEEDS = range(MINIMUM_SEEDS, 101)
"""The numbers of seeds that are tried."""


class Pilot(NamedTuple):
    """Errors of a difference of two variants, in points, and the runs that they come from."""

    deviation: float
    """Standard deviation of the difference of two runs, between seeds."""
    frames_error: float
    frames_freedom: float
    runs: str

    def detectable(self, study: Study, seeds: int) -> float:
        """The smallest effect, in points, that the study would find with `seeds` seeds (`statistics.POWER`)."""
        freedom = (len(study.variants) - 1 if len(study.variants) > 2 else 1) * (seeds - 1)
        error = self.deviation / np.sqrt(seeds)
        estimate = Estimate(0.0, error, freedom, self.frames_error, self.frames_freedom)
        return estimate.detectable(study.comparisons)

    def seeds(self, study: Study, effect: float) -> int | None:
        """The fewest seeds that find an effect of this size, in points; None if the frames do not suffice."""
        return next((seeds for seeds in SEEDS if self.detectable(study, seeds) <= abs(effect)), None)


def power(params: Params) -> str:
    """The study's contrasts with the paper's effects and the seeds that they take, for a terminal."""
    study, pilot = params.study, find_pilot(params)
    known = {(each.variant, each.reference): each for each in effects.read(claims.read())}
    lines = [
        f"{study.name}: {study.question or study.title}",
        "",
        f"{'contrast':<46}{'paper':>7}{'seeds it takes':>16}",
    ]
    for pair in study.pairs:
        paper = known[pair].paper if pair in known else np.nan
        needed = "-" if pilot is None or np.isnan(paper) else pilot.seeds(study, paper) or f"over {SEEDS[-1]}"
        shown = "-" if np.isnan(paper) else f"{paper:+.1f}"
        lines.append(f"{' against '.join(pair):<46}{shown:>7}{needed:>16}")
    return "\n".join([*lines, "", *_spread(pilot), summary(params, pilot)])


def summary(params: Params, pilot: Pilot | None) -> str:
    """What the study would see with its own seeds, in a line."""
    study, seeds = params.study, len(params.study.seeds)
    if pilot is None:
        return "power      unknown: no study with three seeds is kept that could tell the spread between seeds"
    if seeds < MINIMUM_SEEDS:
        return f"power      none: {seeds} seed{'s' if seeds > 1 else ''} give no verdict; take {MINIMUM_SEEDS} or more"
    return (
        f"power      with {seeds} seeds, effects from {pilot.detectable(study, seeds):.1f} points on would be found "
        f"with a probability of {100 * statistics.POWER:.0f} %, judging by {pilot.runs}"
    )


def _spread(pilot: Pilot | None) -> list[str]:
    if pilot is None:
        return []
    return [
        f"spread     a difference of two runs varies by {pilot.deviation:.2f} points between seeds (standard "
        f"deviation) and by {pilot.frames_error:.2f} over frames (standard error), in {pilot.runs}"
    ]


def find_pilot(params: Params) -> Pilot | None:
    """The errors of the best runs that exist, or None."""
    return next((_pilot(*found) for found in _found(params)), None)


def _found(params: Params) -> Iterator[tuple[str, Results]]:
    """Results with enough seeds and variants: the study's own, then kept ones, those on the same data first."""
    names = [name for name in parameters.studies() if paths.fill(paths.KEPT, study=name).is_dir()]
    kept = parameters.loaded(names)
    others = sorted(kept, key=lambda each: (each.study.data != params.study.data, -len(each.study.seeds)))
    places = [("its own runs", params, RESULTS)]
    places += [
        (f"the kept runs of {each.study.name}", each, paths.fill(paths.KEPT, study=each.study.name)) for each in others
    ]
    for name, each, root in places:
        try:
            resampled = each.study.model_copy(update={"frames_per_block": params.study.frames_per_block})
            found = results.read(resampled, root, unfinished=True)
        except BadInput:
            continue
        if len(found.study.seeds) >= MINIMUM_SEEDS and len(found.study.variants) > 1:
            yield name, found


def _pilot(name: str, found: Results) -> Pilot:
    differences = found.differences
    pairs = [(name, found.study.baseline) for name in found.study.variants if name != found.study.baseline]
    estimates = [differences.between(*pair) for pair in pairs]
    deviations = [differences.spread(*pair).deviation for pair in pairs]
    runs = len(found.study.variants) * len(found.study.seeds)
    return Pilot(
        100 * float(np.sqrt(np.mean(np.square(deviations)))),
        100 * float(np.median([each.frames_error for each in estimates])),
        estimates[0].frames_freedom,
        f"{name} ({runs} on {found.study.data} {found.scored['split']}, {found.training['epochs']} epochs)",
    )
