"""The cells of one claim: what the paper prints, what was measured, the error and the reason of the verdict."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from analysis.claims.claims import PAPER
from analysis.claims.judging import VERDICTS
from analysis.results.origins import Origins
from analysis.tables.table import UNMEASURED, Cell

Row = Mapping[str, Any]

SIGNS = dict(zip(VERDICTS, "✓×≈·", strict=True))
"""One sign per verdict, so that none depends on its colour."""
COLUMNS = {
    "gmacs": "FLOPs", "params_m": "Params", "miou_val": "mIoU val", "miou_test": "mIoU test", "time_ms": "time",
    "fps": "frame rate", "macs": "MACs", "parameters": "Params", "miou": "mIoU", "time": "time",
}  # fmt: skip
"""Headings of the columns and quantities in data/paper."""


def title(row: Row) -> str:
    """The table that a row belongs to, with its paper if that is not DFANet's."""
    table = f"Table {row['table']}" if text(row["table"]) else ""
    return table if row["source"] == PAPER else f"{row['source']} {table}".strip()


def heading(row: Row) -> str:
    column, unit = COLUMNS.get(row["column"], str(row["column"])), text(row["unit"])
    return column if not unit or unit in column else f"{column}, {unit}"


def kind(verdict: str) -> str:
    """A verdict's CSS class."""
    return verdict.replace(" ", "-")


def fitted(row: Row) -> bool:
    return not pd.isna(row["fitted"]) and bool(row["fitted"])


def error(row: Row) -> str:
    """The error with its sign, in % of the paper's number, or in points for mIoU. Empty if nothing was measured."""
    if pd.isna(row["error"]):
        return ""
    points = row["quantity"] == "miou"
    size = round(row["error"] if points else 100 * row["error"], 1) or 0.0  # never minus zero
    shown = f"{size:+.1f} {'pt' if points else '%'}"
    return shown.replace("-", "\N{MINUS SIGN}")


def why(row: Row) -> str:
    """The reason of the verdict and the conditions of the measurement."""
    made = text(row["conditions"])
    return " ".join(each for each in (text(row["reason"]), f"({made})" if made else "") if each)


def spoken(row: Row) -> str:
    """A claim in one line."""
    found = "" if pd.isna(row["measured"]) else f"measured {_number(row, row['measured'])}"
    numbers = " · ".join(each for each in (f"paper {paper(row).text}", found, error(row), row["verdict"]) if each)
    return f"{row['row']}, {heading(row)}: {numbers}{' (fitted)' if fitted(row) else ''}"


def paper(row: Row) -> Cell:
    """The number as printed."""
    return Cell(row["paper"], float(row["paper"]))


def measured(row: Row, origins: Origins) -> Cell:
    """The measured number, with a link to its record."""
    if pd.isna(row["measured"]):
        return Cell("\N{EN DASH}", kind=UNMEASURED)
    interval = ""
    if not (pd.isna(row["low"]) or pd.isna(row["high"])):
        interval = f"interval {_number(row, row['low'])} to {_number(row, row['high'])}"
    href = origins.of_claim(row["quantity"], text(row["measured_variant"]))
    unit = f" {row['read_as'].partition(' ')[0]}" if row["quantity"] == "parameters" and text(row["read_as"]) else ""
    return Cell(_number(row, row["measured"]) + unit, float(row["measured"]), href=href, note=interval)


def judged(row: Row, anchor: str = "") -> Cell:
    """The error with the verdict's sign. With an anchor, others can link to the cell, and it links to its full row."""
    shown = (error(row) or row["verdict"]) + (" *" if fitted(row) else "")
    value = None if pd.isna(row["error"]) else float(row["error"])
    href = f"#claim-{row['id']}" if anchor else ""
    sign = SIGNS[row["verdict"]]
    return Cell(f"{sign} {shown}", value, href=href, anchor=anchor, kind=kind(row["verdict"]), note=why(row))


def text(value: Any) -> str:
    return "" if pd.isna(value) else str(value)


def _number(row: Row, value: float) -> str:
    if row["quantity"] == "miou":
        return f"{value:.1f}"
    return significant(value, decimals=len(paper(row).text.partition(".")[2]))


def significant(value: float, decimals: int = 0) -> str:
    """A number with three digits, or with `decimals` if that is more, and never with an exponent."""
    leading = math.floor(math.log10(abs(value))) if value else 0
    return f"{value:.{max(decimals, 2 - leading)}f}"
