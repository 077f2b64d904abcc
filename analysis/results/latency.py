"""Latency as a table: milliseconds, ratios to a baseline in the same rounds, and the share of the roofline's limit."""

from typing import Any

import numpy as np
import pandas as pd

from analysis.results import conditions, statistics
from analysis.results.statistics import Interval

PREFERRED = "dfanet-a"
"""The baseline wherever it was timed."""


def baseline(latency: dict[str, Any], otherwise: str) -> str:
    """The variant that ratios are taken to: DFANet A, else the study's own baseline."""
    return PREFERRED if any(row["variant"] == PREFERRED for row in latency["rows"]) else otherwise


def table(latency: dict[str, Any], base: str, mode: str | None = None) -> pd.DataFrame:
    """A row for each timed row of a latency record's result.

    `ratio` is the time over that of variant `base` in the same mode or, given `mode`, in that mode, with its 95 %
    interval (`ratio`). Records without ceilings or without samples have no such columns or NaN there.
    """
    rows = []
    for row in latency["rows"]:
        against = next(
            (each for each in latency["rows"] if (each["variant"], each["mode"]) == (base, mode or row["mode"])), None
        )
        found = ratio(row, against) if against else (np.nan, statistics.NONE)
        rows.append(_row(row) | {"ratio": found[0], "ratio_low": found[1].low, "ratio_high": found[1].high})
    return pd.DataFrame(rows).dropna(axis="columns", how="all")


def ratio(row: dict[str, Any], against: dict[str, Any]) -> tuple[float, Interval]:
    """Time over time, paired by round: the geometric mean over rounds of the ratio of both rows' medians.

    A round is one draw of the machine's state that both met, so rounds are what the interval is over: Student's t on
    the logarithms. None below three rounds.
    """
    taken, other = (np.array(each["samples_ms"]) for each in (row, against))
    if not taken.size or not other.size:
        return row["median_ms"] / against["median_ms"], statistics.NONE
    logarithms = np.log(np.median(taken, axis=1) / np.median(other, axis=1))
    interval = statistics.over_seeds(logarithms)
    return float(np.exp(logarithms.mean())), Interval(*np.exp(interval))


def markdown(latency: dict[str, Any], found: pd.DataFrame, base: str, mode: str | None = None) -> str:
    """The table for readers, the fastest first within each mode, with its conditions below."""
    against = f"{base}, {mode}" if mode else base
    ordered = found.sort_values("median_ms", kind="stable")
    if not mode:
        ordered = ordered.sort_values("mode", key=lambda modes: modes.map(list(found["mode"]).index), kind="stable")
    lines = [_cells(row, against) for row in ordered.to_dict("records")]
    headings = list(lines[0])
    body = [headings, ["---", "---", *["---:"] * (len(headings) - 2)], *(list(line.values()) for line in lines)]
    text = "\n".join(f"| {' | '.join(line)} |" for line in body)
    skipped = [f"Not timed: {each['mode']} ({each['reason']})." for each in latency.get("skipped", [])]
    return "\n\n".join([f"# Latency: {latency['device']['name']}", text, _reading(latency, against), *skipped]) + "\n"


def _row(row: dict[str, Any]) -> dict[str, Any]:
    named = {key: row[key] for key in ("variant", "mode", "device", "median_ms", "fps", "p90_ms", "stable")}
    named |= {"size": conditions.size(row["size"])} if "size" in row else {}
    named |= {key: row[key] for key in ("difference", "tolerance", "agrees") if key in row}
    if "limit_ms" not in row:
        return named
    costs = {key: row[key] for key in ("macs", "bytes", "arithmetic_ms", "traffic_ms", "limit_ms")}
    costs |= {"limit_by_operation_ms": row["limit_by_operation_ms"], "share": row["limit_ms"] / row["median_ms"]}
    return named | costs | {"share_by_operation": row["limit_by_operation_ms"] / row["median_ms"]}


def _cells(row: dict[str, Any], against: str) -> dict[str, str]:
    unstable = "" if row["stable"] else " (unstable)"
    cells = {"": row["variant"], "mode": f"{row['mode']}, {row['device']}"}
    cells |= {"image": row["size"]} if "size" in row else {}
    cells |= {"ms": f"{row['median_ms']:.3g}{unstable}", "fps": f"{row['fps']:.3g}"}
    if "ratio" in row:
        low, high = row.get("ratio_low", np.nan), row.get("ratio_high", np.nan)
        cells[f"time / {against}"] = "-" if np.isnan(row["ratio"]) else f"{row['ratio']:.2f}"
        cells["95 %"] = "-" if np.isnan(low) or low == high else f"{low:.2f} to {high:.2f}"
    if "difference" in row:
        cells["differs from eager"] = f"{row['difference']:.0e}" + ("" if row["agrees"] else " (does not agree)")
    if "limit_ms" in row:
        cells |= {"GMACs": f"{row['macs'] / 1e9:.3g}", "MB moved": f"{row['bytes'] / 1e6:.3g}"}
        cells |= {"MACs at full rate, ms": f"{row['arithmetic_ms']:.3g}", "bytes, ms": f"{row['traffic_ms']:.3g}"}
        cells |= {"limit reached": f"{row['share']:.0%}", "by operation": f"{row['share_by_operation']:.0%}"}
    return cells


def _reading(latency: dict[str, Any], against: str) -> str:
    forms = any("difference" in row for row in latency["rows"])
    return (
        f"Medians of single passes, {setting(latency)}. Time / {against} is paired by round: the geometric mean of the "
        f"{latency['protocol'].get('rounds', '')} rounds' ratios of medians, and its 95 % interval by Student's t on "
        "their logarithms (not corrected for the number of comparisons). "
        + ("Differences are the largest of a class score, in standard deviations of the scores. " if forms else "")
        + roofline_note(latency)
    ).strip()


def setting(latency: dict[str, Any]) -> str:
    """Batch, size, threads and device of a record's result."""
    threads = latency["device"]["threads"]
    sizes = dict.fromkeys(conditions.size(row.get("size", latency["size"])) for row in latency["rows"])
    return (
        f"batch {latency['batch']}, {' or '.join(sizes)} pixels (rows x columns), {threads} CPU "
        f"thread{'s' if threads > 1 else ''}, {latency['device']['name']}"
    )


def roofline_note(latency: dict[str, Any]) -> str:
    """The machine's measured rates, and what a limit is; nothing where they were not measured."""
    if not latency.get("ceilings"):
        return ""
    said = {"copy": "copies {:.3g} GB/s", "product": "multiplies {dtype} matrices at {:.3g} GMAC/s"}
    rates = [said[each["kind"]].format(each["per_second"] / 1e9, dtype=each["dtype"]) for each in latency["ceilings"]]
    return (
        f"Measured in the same rounds, the machine {' and '.join(rates)}. A network's limit is the longer of its MACs "
        "and its moved bytes at these rates, as a whole or, by operation, summed over its operations. Bytes are all "
        "tensors that eager mode's operations read and write; caches and fused kernels may do better."
    )
