"""Latency as a data frame: milliseconds, ratios to a baseline, and the share of the roofline's limit."""

from typing import Any

import numpy as np
import pandas as pd

from analysis.results import conditions, statistics
from analysis.results.statistics import Interval
from pipeline.utils.confusion import miou

PREFERRED = "dfanet-a"
"""The baseline of a study that timed it."""


def baseline(latency: dict[str, Any], otherwise: str) -> str:
    """The variant that ratios refer to: DFANet A, or `otherwise` if that was not timed."""
    return PREFERRED if any(row["variant"] == PREFERRED for row in latency["rows"]) else otherwise


def frame(latency: dict[str, Any], base: str, mode: str | None = None) -> pd.DataFrame:
    """One row per timed network and mode of a latency record's result.

    `ratio` is the time divided by that of the variant `base` in the same mode or, if given, in `mode`; `ratio_low` and
    `ratio_high` are its 95 % interval. They are NaN where `base` was timed with another image. `miou` and
    `miou_gained`, its difference to the row in `mode`, are those of deployment forms that were scored. Records without
    ceilings, samples or scores lack those columns, or have NaN there.
    """
    rows, timed = [], {(row["variant"], row["mode"]): row for row in latency["rows"]}
    for row in latency["rows"]:
        against = timed.get((base, mode or row["mode"]))
        if against and against.get("size") != row.get("size"):
            against = None
        found = ratio(row, against) if against else (np.nan, statistics.NONE)
        rows.append(_row(row) | {"ratio": found[0], "ratio_low": found[1].low, "ratio_high": found[1].high})
    table = pd.DataFrame(rows).dropna(axis="columns", how="all")
    if "miou" in table:
        table["miou_gained"] = table["miou"] - table.loc[(table["mode"] == mode), "miou"].iloc[0]
    return table


def ratio(row: dict[str, Any], against: dict[str, Any]) -> tuple[float, Interval]:
    """The ratio of two times, paired by round: the geometric mean, over rounds, of the ratio of both medians.

    Both rows share the state of the machine within a round, so the interval is over rounds: Student's t on the
    logarithms. Fewer than three rounds give no interval.
    """
    taken, other = (np.array(each["samples_ms"]) for each in (row, against))
    if not taken.size or not other.size:
        return row["median_ms"] / against["median_ms"], statistics.NONE
    logarithms = np.log(np.median(taken, axis=1) / np.median(other, axis=1))
    interval = statistics.over_seeds(logarithms)
    return float(np.exp(logarithms.mean())), Interval(*np.exp(interval))


def _row(row: dict[str, Any]) -> dict[str, Any]:
    named = {key: row[key] for key in ("variant", "mode", "device", "median_ms", "fps", "p90_ms", "stable")}
    named |= {"size": conditions.size(row["size"])} if "size" in row else {}
    named |= {key: row[key] for key in ("difference", "tolerance", "agrees") if key in row}
    named |= {"miou": float(miou(np.array(row["confusion"])))} if "confusion" in row else {}
    if "limit_ms" not in row:
        return named
    costs = {key: row[key] for key in ("macs", "bytes", "arithmetic_ms", "traffic_ms", "limit_ms")}
    costs |= {"limit_by_operation_ms": row["limit_by_operation_ms"], "share": row["limit_ms"] / row["median_ms"]}
    return named | costs | {"share_by_operation": row["limit_by_operation_ms"] / row["median_ms"]}
