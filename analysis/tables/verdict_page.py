"""The verdict table for readers: how many numbers hold, where the paper contradicts itself, and every cell."""

import numpy as np
import pandas as pd

from analysis.claims import verdicts
from analysis.claims.claims import PAPER, Claim, Tolerance
from analysis.claims.judging import VERDICTS
from analysis.results.records import Record
from analysis.results.results import Results
from analysis.tables.markdown import grid, page
from pipeline.config import paths

KNOWN = (
    "The tolerances were committed (9184561) two hours after tests that held MACs and parameters of these networks "
    "against Tables 2 to 4 (c542be8): those errors were in sight when the bound was chosen. Nothing was then, or has "
    "been since, trained or timed under the paper's conditions. The bound decides how many of the counted cells of the "
    "paper's own networks are reproduced:"
)
"""What was known when the tolerances were committed."""


def judge(
    found: Results, records: dict[str, Record], of: list[Claim], tolerances: dict[str, Tolerance]
) -> pd.DataFrame:
    """The verdict of every claim; `records` are those of `PAPER_COMPLEXITY` and `INTERPRETATIONS`."""
    counted, searched = (records[path]["result"] for path in (paths.PAPER_COMPLEXITY, paths.INTERPRETATIONS))
    named = records[paths.PAPER_COMPLEXITY]["params"]
    networks = {key.removeprefix("variants."): value for key, value in named.items()}
    return verdicts.verdicts(of, tolerances, counted["variants"], verdicts.fitted(searched, of), found, networks)


def render(title: str, found: pd.DataFrame, tolerances: dict[str, Tolerance], disagreements: list[str]) -> str:
    """Markdown of what `verdicts.verdicts` returns."""
    return page(
        f"# Verdicts: {title}",
        grid(_counts(found)),
        _reading(found, tolerances),
        "## Errors of the counted cells",
        grid(_errors(found)),
        "## What other bounds would have given",
        KNOWN,
        grid(_bounds(found)),
        "## Where the paper disagrees with itself",
        "\n".join(f"- {sentence}" for sentence in disagreements),
        *(part for name, cells in found.groupby(_places(found), sort=False) for part in _section(name, cells)),
    )


def _counts(found: pd.DataFrame) -> list[dict[str, str]]:
    return [
        {"": quantity} | {verdict: str(counts[verdict]) for verdict in VERDICTS}
        for quantity, counts in verdicts.summary(found).items()
    ]


def _errors(found: pd.DataFrame) -> list[dict[str, str]]:
    return [
        {
            "": f"{quantity}, {networks}",
            "distinct cells": str(row["cells"]),
            "median": f"{100 * row['median']:.1f} %",
            "largest": f"{100 * row['largest']:.1f} % ({row['id']})",
        }
        for (quantity, networks), row in verdicts.errors(found).iterrows()
    ]


def _bounds(found: pd.DataFrame) -> list[dict[str, str]]:
    return [
        {
            "bound": f"{100 * bound:g} %",
            "rounding added": f"{row['rounded']} of {row['cells']}",
            "without the rounding": f"{row['bare']} of {row['cells']}",
        }
        for bound, row in verdicts.by_bound(found).iterrows()
    ]


def _reading(found: pd.DataFrame, tolerances: dict[str, Tolerance]) -> str:
    allowed = ", ".join(
        f"{quantity} {each.points:.1f} points" if each.points else f"{quantity} {100 * each.relative:g} %"
        for quantity, each in tolerances.items()
    )
    return (
        f"A number is reproduced if it is as near as data/paper/tolerances.yaml says ({allowed}), the printed rounding "
        "added. "
        "mIoU is judged by the mean over the seeds, on the claim's data, split and size and by its recipe; time on the "
        "claim's device. Marked * are the cells that the interpretation of what the paper leaves open was chosen by: "
        f"{found['fitted'].sum()} of {len(found)}."
    )


def _places(found: pd.DataFrame) -> pd.Series:
    numbers = "Table " + found["table"].astype(str)
    return numbers.where(found["source"] == PAPER, "The peers' own papers")


def _section(name: str, cells: pd.DataFrame) -> tuple[str, str]:
    return f"## {name}", grid([_cell(row) for row in cells.to_dict("records")])


def _cell(row: dict) -> dict[str, str]:
    source = "" if row["source"] == PAPER else f" ({row['source']})"
    points = row["quantity"] == "miou"
    error = f"{row['error']:+.1f}" if points else f"{100 * row['error']:+.1f} %"
    return {
        "": row["row"] + source,
        "quantity": row["quantity"] + (" *" if row["fitted"] else ""),
        "paper": f"{row['paper']} {row['unit']}",
        "measured": _measured(row),
        "error": "-" if np.isnan(row["error"]) else error,
        "verdict": row["verdict"],
        "measured with": row["conditions"] or "-",
        "why": row["reason"],
    }


def _measured(row: dict) -> str:
    if np.isnan(row["measured"]):
        return "-"
    interval = "" if np.isnan(row["low"]) else f" ({row['low']:.1f} to {row['high']:.1f})"
    return f"{row['measured']:.4g}{interval}"
