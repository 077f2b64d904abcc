"""The verdicts as the page shows them: counts, a square per claim, and the paper's tables with what was measured."""

from collections.abc import Callable
from typing import Any

import pandas as pd

from analysis.claims.claims import PAPER
from analysis.claims.judging import NOT_REPRODUCED, VERDICTS
from analysis.claims.verdicts import COLUMNS
from analysis.report import words
from analysis.report.words import SIGNS
from analysis.results.origins import Origins
from analysis.tables.table import PROSE, Cell, Grid
from pipeline.utils.errors import BadInput


def check(verdicts: pd.DataFrame) -> None:
    """Raise `BadInput` if the page could not show a row."""
    missing = [name for name in COLUMNS if name not in verdicts]
    if missing:
        raise BadInput(f"the verdict table lacks the columns {', '.join(missing)}; run the analysis again")
    for row in verdicts[~verdicts["verdict"].isin(VERDICTS)].to_dict("records"):
        raise BadInput(f'the verdict of claim {row["id"]} is "{row["verdict"]}"; allowed are {", ".join(VERDICTS)}')
    for name in verdicts["id"][verdicts["id"].duplicated()]:
        raise BadInput(f"the verdict table holds claim {name} twice; every claim needs an id of its own")


def counts(verdicts: pd.DataFrame) -> list[dict[str, Any]]:
    """The number of claims with each of the four verdicts."""
    found = verdicts["verdict"].value_counts()
    return [
        {"verdict": name, "sign": sign, "kind": words.kind(name), "count": int(found.get(name, 0))}
        for name, sign in SIGNS.items()
    ]


def grids(verdicts: pd.DataFrame) -> list[Grid]:
    """One square per claim: the sign of its verdict, a link to its cell, and its numbers as a note."""

    def square(row: dict[str, Any]) -> list[Cell]:
        sign, kind = SIGNS[row["verdict"]], words.kind(row["verdict"])
        return [Cell(sign, href=f"#cell-{row['id']}", kind=kind, note=words.spoken(row))]

    return [_pivot(name, rows, square, [""]) for name, rows in _tables(verdicts)]


def side_by_side(verdicts: pd.DataFrame, origins: Origins) -> list[Grid]:
    """Each table of the paper: the printed number, the measured one (a link to its record) and the error."""

    def three(row: dict[str, Any]) -> list[Cell]:
        return [words.paper(row), words.measured(row, origins), words.judged(row, f"cell-{row['id']}")]

    return [_pivot(name, rows, three, ["paper", "measured", "error"]) for name, rows in _tables(verdicts)]


def failed(verdicts: pd.DataFrame, origins: Origins) -> Grid:
    """One row per claim that was not reproduced, with the reason."""
    rows = [
        [
            Cell(str(row["row"]), href=f"#cell-{row['id']}"), Cell(f"{words.title(row)}, {words.heading(row)}"),
            words.paper(row), words.measured(row, origins), words.judged(row), Cell(words.why(row), kind=PROSE),
        ]
        for row in verdicts[verdicts["verdict"] == NOT_REPRODUCED].to_dict("records")
    ]  # fmt: skip
    return Grid("Not reproduced", ["", "column", "paper", "measured", "error", "why"], rows)


def listed(verdicts: pd.DataFrame, origins: Origins) -> Grid:
    """One row per claim, with the conditions and the reason of the verdict."""
    rows = [
        [
            Cell(str(row["id"]), anchor=f"claim-{row['id']}", href=f"#cell-{row['id']}"), Cell(words.title(row)),
            Cell(str(row["row"])), Cell(words.heading(row)), words.paper(row), words.measured(row, origins),
            words.judged(row), Cell(row["verdict"] + (" (fitted)" if words.fitted(row) else "")),
            Cell(words.text(row["conditions"]), kind=PROSE), Cell(words.text(row["reason"]), kind=PROSE),
        ]
        for row in verdicts.to_dict("records")
    ]  # fmt: skip
    columns = ["claim", "table", "row", "column", "paper", "measured", "error", "verdict", "conditions", "why"]
    return Grid("Every claim", columns, rows)


def open_ones(verdicts: pd.DataFrame) -> list[dict[str, Any]]:
    """The claims that were not judged, by verdict: count, and cells by reason (most frequent first) and column."""
    return [each | {"reasons": _by_reason(verdicts, each["verdict"])} for each in counts(verdicts)[2:]]


def _by_reason(verdicts: pd.DataFrame, verdict: str) -> dict[str, dict[str, list[Cell]]]:
    reasons: dict[str, dict[str, list[Cell]]] = {}
    for row in verdicts[verdicts["verdict"] == verdict].to_dict("records"):
        columns = reasons.setdefault(words.why(row) or "No reason was given.", {})
        cell = Cell(str(row["row"]), href=f"#cell-{row['id']}")
        columns.setdefault(f"{words.title(row)}, {words.heading(row)}", []).append(cell)
    return dict(sorted(reasons.items(), key=lambda each: -sum(map(len, each[1].values()))))


def _tables(verdicts: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """DFANet's tables in their order, then one table for what other papers print of their own networks."""
    own = verdicts["source"] == PAPER
    tables = [(words.title(rows.iloc[0]), rows) for _, rows in verdicts[own].groupby("table", sort=False)]
    others = verdicts[~own].assign(
        row=lambda rows: [f"{row['row']} ({words.title(row)})" for row in rows.to_dict("records")],
        column=lambda rows: rows["quantity"],
    )
    return tables + ([("What other papers print of these networks", others)] if len(others) else [])


def _pivot(name: str, rows: pd.DataFrame, cells: Callable[[dict[str, Any]], list[Cell]], columns: list[str]) -> Grid:
    """One line per row of the paper's table, and `columns` for each of its columns. A repeated row has two lines."""
    headings = list(dict.fromkeys(map(words.heading, rows.to_dict("records"))))
    lines: dict[tuple[str, int], dict[str, list[Cell]]] = {}
    again = rows.groupby(["row", "column"]).cumcount()
    for row, count in zip(rows.to_dict("records"), again, strict=True):
        lines.setdefault((str(row["row"]), count), {})[words.heading(row)] = cells(row)
    empty = [Cell("")] * len(columns)
    body = [
        [Cell(label), *(cell for at in headings for cell in line.get(at, empty))] for (label, _), line in lines.items()
    ]
    groups = [("", 1), *((heading, len(columns)) for heading in headings)]
    return Grid(name, ["", *columns * len(headings)], body, groups)
