"""Effects: differences of mIoU that the paper's argument rests on, and what a study measures of them.

data/paper/effects.csv names the pairs of variants. The paper's difference is that of the two cells of the same table in
claims.csv; an effect of a figure or a control has only an expected sign. Both sides of an effect are trained alike, so
its direction can be judged under other conditions than the paper's.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.claims.claims import PAPER, Claim
from analysis.results import conditions, statistics
from analysis.results.results import Results
from analysis.results.statistics import Estimate
from pipeline.config import paths
from pipeline.utils.errors import BadInput

COLUMNS = ("id", "source", "title", "variant", "reference", "expected")
SIGNS = {"+": 1, "-": -1, "": 0}
SIDES = ("variant", "reference")
SAME, OPPOSITE = "same direction", "opposite direction"
HIGHER, LOWER = "higher", "lower"
NEGLIGIBLE, SMALL, FEW = "negligible", "too small to see here", "too few seeds"
ALONE = "The study has a single variant, so there is nothing to compare."
MEANINGS = {
    SAME: "the corrected p is below 0.05, and the sign is the one that the paper reports or argues for",
    OPPOSITE: "the corrected p is below 0.05, and the sign is the other one",
    HIGHER: "the corrected p is below 0.05; the paper says nothing of this pair",
    LOWER: "the corrected p is below 0.05; the paper says nothing of this pair",
    NEGLIGIBLE: "the difference is shown to be smaller than the smallest effect of interest (two one-sided tests, 5 %)",
    SMALL: "the difference could be 0, and an effect of interest could have been missed",
    FEW: f"fewer than {statistics.MINIMUM_SEEDS} seeds give no interval",
}
"""The verdicts on effects, and what each means."""


@dataclass(frozen=True)
class Effect:
    """The difference in mIoU of `variant` to `reference`. `paper` is in points, NaN if none is printed; `expected` is
    its sign, or 0 if the paper says nothing."""

    id: str
    source: str
    title: str
    variant: str
    reference: str
    paper: float
    expected: int


def read(claims: Sequence[Claim], folder: Path = Path(paths.PAPER)) -> list[Effect]:
    """Read all effects. `BadInput` names the line of one that is incomplete, or whose table lacks one of its cells."""
    path = folder / "effects.csv"
    try:
        with path.open(newline="") as file:
            lines = csv.DictReader(file)
            if tuple(lines.fieldnames or ()) != COLUMNS:
                raise BadInput(f"{path} must have the columns {', '.join(COLUMNS)}")
            return [_effect(line, f"{path}, line {lines.line_num}", claims) for line in lines]
    except FileNotFoundError:
        raise BadInput(f"{path} is missing; it is part of the repository: `git checkout {path}`") from None


def _effect(line: dict[str, str | None], where: str, claims: Sequence[Claim]) -> Effect:
    sign = line.pop("expected")
    if None in (*line.values(), sign) or sign not in SIGNS:
        raise BadInput(f"{where} must have {len(COLUMNS)} cells, of which expected is +, - or empty")
    if not line["source"].startswith("Table "):
        return Effect(**line, paper=np.nan, expected=SIGNS[sign])
    values = [_printed(line[side], line["source"], claims) for side in ("variant", "reference")]
    if None in values:
        raise BadInput(f"{where}: {line['source']} of claims.csv has no mIoU of one of its variants")
    difference = round(values[0] - values[1], 2)
    return Effect(**line, paper=difference, expected=int(np.sign(difference)))


def _printed(variant: str, table: str, claims: Sequence[Claim]) -> float | None:
    for claim in claims:
        if (claim.source, claim.place, claim.variant, claim.quantity) == (PAPER, table, variant, "miou"):
            return claim.value
    return None


def judged(results: Results, effects: Sequence[Effect]) -> pd.DataFrame:
    """One row per contrast of the study: the paper's difference, the measured one, its errors and the verdict.

    It is empty for a study of one variant. Differences are in points. `low` and `high` are the 95 % interval over seeds
    and frames together. `p_corrected` takes the study's correction for the number of contrasts; `detectable` is the
    smallest true difference that this test would have found with a probability of 80 %. `p_smaller` is the p of an
    effect of at least `smallest_effect` in either direction (equivalence), `p_worse` that of a loss of at least that
    size (non-inferiority).
    """
    if not results.study.pairs:
        return pd.DataFrame()
    known = {(effect.variant, effect.reference): effect for effect in effects}
    rows = [_row(results, pair, known.get(pair)) for pair in results.study.pairs]
    table = pd.DataFrame(rows)
    p, study = table["p"].to_numpy(), results.registered
    table["p_corrected"] = statistics.holm(p, study.comparisons) if study.correction == "holm" else p
    table["verdict"] = [_verdict(results, row) for row in table.to_dict("records")]
    return table


def _row(results: Results, pair: tuple[str, str], effect: Effect | None) -> dict[str, Any]:
    study, found, paired = results.study, results.differences.between(*pair), results.differences.paired(*pair)
    counted = {key: results.complexity.loc[list(pair), key].to_list() for key in ("macs_study", "parameters")}
    doubts = [f"{name} {doubt.partition(':')[0]}" for name in pair for doubt in conditions.doubts(results, name)]
    return {
        "effect": effect.title if effect else f"{pair[0]} against {pair[1]}",
        "source": effect.source if effect else "",
        "variant": pair[0],
        "reference": pair[1],
        "paper": effect.paper if effect else np.nan,
        "expected": effect.expected if effect else 0,
        **_estimated(found, study.smallest_effect),
        **{f"seed_{seed}": 100 * each for seed, each in zip(study.seeds, paired, strict=True)},
        "paper_inside": _inside(effect.paper, found) if effect else None,
        "detectable": 100 * found.detectable(results.registered.comparisons),
        "pooled": bool(results.differences.pooled),
        **{f"{key}_{side}": value for key, both in counted.items() for side, value in zip(SIDES, both, strict=True)},
        **{f"ms_{side}": _milliseconds(results, name) for side, name in zip(SIDES, pair, strict=True)},
        "doubts": "; ".join(doubts),
    }


def _estimated(found: Estimate, margin: float) -> dict[str, float]:
    """The numbers of an estimate, in points."""
    intervals = {"": found.interval, "seeds_": found.seeds, "frames_": found.frames}
    bounds = {f"{name}{end}": 100 * getattr(each, end) for name, each in intervals.items() for end in ("low", "high")}
    errors = {"error": found.error, "seeds_error": found.seeds_error, "frames_error": found.frames_error}
    return {
        "difference": 100 * found.value,
        **bounds,
        **{name: 100 * error for name, error in errors.items()},
        "freedom": found.freedom,
        "p": found.p,
        "p_smaller": found.p_smaller(margin / 100),
        "p_worse": found.p_above(-margin / 100),
    }


def _inside(paper: float, found: Estimate) -> bool | None:
    """Whether the paper's difference lies in the interval; None if one of both is missing."""
    low, high = found.interval
    return None if np.isnan(paper) or np.isnan(low) else bool(100 * low <= paper <= 100 * high)


def _milliseconds(results: Results, variant: str) -> float:
    """The first timed mode's median."""
    return next(row["median_ms"] for row in results.latency["rows"] if row["variant"] == variant)


def _verdict(results: Results, row: dict[str, Any]) -> str:
    if len(results.study.seeds) < statistics.MINIMUM_SEEDS:
        return FEW
    alpha = 1 - statistics.LEVEL
    if row["p_corrected"] < alpha:
        sign = int(np.sign(row["difference"]))
        if row["expected"]:
            return SAME if sign == row["expected"] else OPPOSITE
        return HIGHER if sign > 0 else LOWER
    return NEGLIGIBLE if row["p_smaller"] < alpha else SMALL
