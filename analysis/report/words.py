"""One verdict in words and cells: what the paper prints, what was measured, the error, and why."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from analysis.claims.claims import OWN, PAPER
from analysis.report.cells import UNMEASURED, Cell, plain, significant
from analysis.report.origins import Origins

Row = Mapping[str, Any]

VERDICTS = {"reproduced": "✓", "not reproduced": "×", "other conditions": "≈", "not measured": "·"}
"""With a sign each, so that none is told by its colour alone."""
COLUMNS = {
    "gmacs": "FLOPs", "params_m": "Params", "miou_val": "mIoU val", "miou_test": "mIoU test", "time_ms": "time",
    "fps": "frame rate", "macs": "MACs", "parameters": "Params", "miou": "mIoU", "time": "time",
}  # fmt: skip
"""Headings, by the names of columns and quantities in data/paper."""


def title(row: Row) -> str:
    """The table that a row is of, with the paper it stands in where that is not DFANet's."""
    table = f"Table {row['table']}" if text(row["table"]) else ""
    return table if row["source"] == PAPER else f"{row['source']} {table}".strip()


def own(row: Row) -> bool:
    """Whether it is of the paper's own networks and not of its peers'."""
    return row["source"] == PAPER and row["row"].startswith(OWN)


def heading(row: Row) -> str:
    column, unit = COLUMNS.get(row["column"], str(row["column"])), text(row["unit"])
    return column if not unit or unit in column else f"{column}, {unit}"


def kind(verdict: str) -> str:
    """A verdict's CSS class."""
    return verdict.replace(" ", "-")


def fitted(row: Row) -> bool:
    return not pd.isna(row["fitted"]) and bool(row["fitted"])


def error(row: Row) -> str:
    """Signed, in % of the paper's number, or in points for mIoU; "" where nothing was measured."""
    if pd.isna(row["error"]):
        return ""
    points = row["quantity"] == "miou"
    size = round(row["error"] if points else 100 * row["error"], 1) or 0.0  # never minus zero
    shown = f"{size:+.1f} {'pt' if points else '%'}"
    return shown.replace("-", "\N{MINUS SIGN}")


def why(row: Row) -> str:
    """The reason, and with what it was measured."""
    made = text(row["conditions"])
    return " ".join(each for each in (text(row["reason"]), f"({made})" if made else "") if each)


def spoken(row: Row) -> str:
    """A cell in one line."""
    found = "" if pd.isna(row["measured"]) else f"measured {_number(row, row['measured'])}"
    numbers = " · ".join(each for each in (f"paper {paper(row).text}", found, error(row), row["verdict"]) if each)
    return f"{row['row']}, {heading(row)}: {numbers}{' (fitted)' if fitted(row) else ''}"


def paper(row: Row) -> Cell:
    return plain(row["paper"] if isinstance(row["paper"], str) else f"{row['paper']:g}")


def measured(row: Row, origins: Origins) -> Cell:
    """Leads to the record that it is from."""
    if pd.isna(row["measured"]):
        return Cell("\N{EN DASH}", kind=UNMEASURED)
    interval = ""
    if not (pd.isna(row["low"]) or pd.isna(row["high"])):
        interval = f"interval {_number(row, row['low'])} to {_number(row, row['high'])}"
    href = origins.of_claim(row["quantity"], text(row["variant"]))
    return Cell(_number(row, row["measured"]), float(row["measured"]), href=href, note=interval)


def judged(row: Row, anchor: str = "") -> Cell:
    """The error with the verdict's sign; with an anchor, a cell that the others lead to and that leads to its row."""
    shown = (error(row) or row["verdict"]) + (" *" if fitted(row) else "")
    value = None if pd.isna(row["error"]) else float(row["error"])
    href = f"#claim-{row['id']}" if anchor else ""
    sign = VERDICTS[row["verdict"]]
    return Cell(f"{sign} {shown}", value, href=href, anchor=anchor, kind=kind(row["verdict"]), note=why(row))


def text(value: Any) -> str:
    return "" if pd.isna(value) else str(value)


def _number(row: Row, value: float) -> str:
    if row["quantity"] == "miou":
        return f"{value:.1f}"
    return significant(value, decimals=len(paper(row).text.partition(".")[2]))
