"""Increments: what a part adds to MACs and parameters, in the paper and as counted.

Errors of a shared base cancel in a difference, so an increment shows whether the part itself is the paper's.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.claims.claims import PAPER, Tolerance, rounding
from analysis.claims.effects import Effect
from analysis.claims.judging import NOT_REPRODUCED, REPRODUCED

COUNTS = ("macs", "parameters")
COARSE = "too coarse to judge"


def increments(judged: pd.DataFrame, effects: Sequence[Effect], tolerances: Mapping[str, Tolerance]) -> pd.DataFrame:
    """One row per effect and count, if a table of the paper prints that count for both sides of the effect.

    `judged` is the result of `verdicts.verdicts`. `paper` and `measured` are differences in the claims' unit. `error`
    is measured / paper - 1, NaN where the paper prints no difference. `allowed` is the count's tolerance of the
    difference plus the rounding of both cells. Where that reaches 0, the printed difference is too coarse to judge.
    """
    own = judged[judged["source"] == PAPER].to_dict("records")
    cells = {(f"Table {row['table']}", row["variant"], row["quantity"]): row for row in own}
    rows = []
    for effect in effects:
        for quantity in COUNTS:
            both = [cells.get((effect.source, name, quantity)) for name in (effect.variant, effect.reference)]
            if all(both):
                rows.append(_row(effect, *both, tolerances[quantity]))
    return pd.DataFrame(rows)


def _row(effect: Effect, cell: dict[str, Any], base: dict[str, Any], tolerance: Tolerance) -> dict[str, Any]:
    paper = round(float(cell["paper"]) - float(base["paper"]), 4)
    measured = cell["measured"] - base["measured"]
    allowed = tolerance.relative * abs(paper) + rounding(cell["paper"]) + rounding(base["paper"])
    return {
        "effect": effect.title, "source": effect.source, "quantity": cell["quantity"],
        "unit": cell["read_as"].partition(" ")[0] or cell["unit"], "paper": paper, "measured": measured,
        "error": measured / paper - 1 if paper else np.nan, "allowed": allowed,
        "verdict": _verdict(measured, paper, allowed),
    }  # fmt: skip


def _verdict(measured: float, paper: float, allowed: float) -> str:
    if allowed >= abs(paper):
        return COARSE
    return REPRODUCED if abs(measured - paper) <= allowed else NOT_REPRODUCED
