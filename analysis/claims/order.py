"""The order of Table 5's times: is a network faster than DFANet A here if it is in the paper?

The paper's times come from several papers and devices, so a time cannot be reproduced on another device. The order of
two networks can be, if each is timed at its own image size of Table 5, or at sizes that are smaller by one factor.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.claims.claims import PAPER, Claim
from analysis.results import conditions, latency
from analysis.results.statistics import Interval

TABLE = "5"
SAME, ANOTHER, CLOSE = "same order", "another order", "too close to tell"
UNSTABLE, IMAGES = "unstable, not judged", "other images, not judged"
ROUNDED = 1.3
"""Largest factor between the ratio of two images' pixels here and in Table 5. Sides are rounded to multiples of 32."""
COLUMNS = (
    "network", "variant", "mode", "device", "verdict", "paper_ms", "paper_ratio", "ratio", "ratio_low", "ratio_high",
    "paper_size", "size", "reference_size",
)  # fmt: skip


def order(claims: Sequence[Claim], timed: dict[str, Any]) -> pd.DataFrame:
    """One row per mode and network of Table 5 that a latency record timed beside DFANet A; the columns are `COLUMNS`.

    Ratios are times divided by that of DFANet A, with the 95 % interval of `latency.ratio`. The order is judged if the
    images have the proportions of Table 5, both rows are stable, and the interval excludes 1.
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
        "verdict": _verdict(claim, own, interval, row, reference),
        "paper_ms": claim.value, "paper_ratio": claim.value / own.value,
        "ratio": ratio, "ratio_low": interval.low, "ratio_high": interval.high, "paper_size": claim.size,
        "size": conditions.size(row.get("size", [])), "reference_size": conditions.size(reference.get("size", [])),
    }  # fmt: skip


def _verdict(claim: Claim, own: Claim, here: Interval, row: dict[str, Any], reference: dict[str, Any]) -> str:
    printed = _pixels(claim.size.split("x")) / _pixels(own.size.split("x"))
    timed = _pixels(row.get("size", ())) / _pixels(reference.get("size", ()))
    if not 1 / ROUNDED <= timed / printed <= ROUNDED:
        return IMAGES
    if not (row["stable"] and reference["stable"]):
        return UNSTABLE
    if np.isnan(here.low) or here.low <= 1 <= here.high or claim.value == own.value:
        return CLOSE
    return SAME if (here.low > 1) == (claim.value > own.value) else ANOTHER


def _pixels(size: Iterable[str | int]) -> int:
    return math.prod(map(int, size))
