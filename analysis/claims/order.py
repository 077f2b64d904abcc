"""The order of Table 5's times: is a network faster than DFANet A here if it is in the paper?

The paper's times come from several papers and devices, so a time cannot be reproduced on another device. The order of
two networks can be, if each is timed at its own image size of Table 5, or at sizes that are smaller by one factor.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.claims.claims import PAPER, Claim
from analysis.results import conditions, latency
from analysis.results.statistics import Interval

TABLE = "5"
SAME, ANOTHER, CLOSE, UNSTABLE = "same order", "another order", "too close to tell", "unstable, not judged"
COLUMNS = (
    "network", "variant", "mode", "device", "verdict", "paper_ms", "paper_ratio", "ratio", "ratio_low", "ratio_high",
    "paper_size", "size", "reference_size",
)  # fmt: skip


def order(claims: Sequence[Claim], timed: dict[str, Any]) -> pd.DataFrame:
    """One row per mode and network of Table 5 that a latency record timed beside DFANet A; the columns are `COLUMNS`.

    Ratios are times divided by that of DFANet A, with the 95 % interval of `latency.ratio`. The order is judged if the
    interval excludes 1 and both rows are stable.
    """
    printed = {
        claim.variant: claim
        for claim in claims
        if (claim.source, claim.table, claim.quantity) == (PAPER, TABLE, "time") and claim.variant
    }
    rows = {(row["variant"], row["mode"]): row for row in timed["rows"]}
    own = printed[latency.PREFERRED]
    found = [
        _row(claim, own, row, reference)
        for (variant, mode), row in rows.items()
        if (claim := printed.get(variant)) and (reference := rows.get((own.variant, mode))) and claim is not own
    ]
    return pd.DataFrame(found, columns=COLUMNS)


def _row(claim: Claim, own: Claim, row: dict[str, Any], reference: dict[str, Any]) -> dict[str, Any]:
    ratio, interval = latency.ratio(row, reference)
    return {
        "network": claim.row, "variant": claim.variant, "mode": row["mode"], "device": row["device"],
        "verdict": _verdict(claim.value / own.value, interval, row["stable"] and reference["stable"]),
        "paper_ms": claim.value, "paper_ratio": claim.value / own.value,
        "ratio": ratio, "ratio_low": interval.low, "ratio_high": interval.high, "paper_size": claim.size,
        "size": conditions.size(row.get("size", [])), "reference_size": conditions.size(reference.get("size", [])),
    }  # fmt: skip


def _verdict(paper: float, here: Interval, stable: bool) -> str:
    if not stable:
        return UNSTABLE
    if np.isnan(here.low) or here.low <= 1 <= here.high or paper == 1:
        return CLOSE
    return SAME if (here.low > 1) == (paper > 1) else ANOTHER
