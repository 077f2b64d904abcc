"""The paper's cells and their verdicts, as the page shows them: counted, drawn as a grid, and side by side."""

from collections.abc import Callable
from typing import Any

import pandas as pd

from analysis.claims.claims import PAPER
from analysis.claims.verdicts import by_bound
from analysis.report import words
from analysis.report.cells import PROSE, Cell, Table
from analysis.report.origins import Origins
from analysis.report.words import VERDICTS
from pipeline.utils.errors import BadInput

COLUMNS = (
    "id", "source", "table", "row", "column", "quantity", "unit", "paper", "measured", "low", "high", "error",
    "verdict", "fitted", "variant", "conditions", "reason",
)  # fmt: skip
COMPLEXITY = {"macs": "MACs", "parameters": "Parameters"}


def check(verdicts: pd.DataFrame) -> None:
    """`BadInput` where a row could get lost on the page."""
    missing = [name for name in COLUMNS if name not in verdicts]
    if missing:
        raise BadInput(f"the verdict table lacks the columns {', '.join(missing)}; run the analysis again")
    for row in verdicts[~verdicts["verdict"].isin(list(VERDICTS))].to_dict("records"):
        raise BadInput(f'the verdict of claim {row["id"]} is "{row["verdict"]}"; allowed are {", ".join(VERDICTS)}')
    for name in verdicts["id"][verdicts["id"].duplicated()]:
        raise BadInput(f"the verdict table holds claim {name} twice; give each claim an id of its own")


def counts(verdicts: pd.DataFrame) -> list[dict[str, Any]]:
    """How many cells got each verdict, all four of them."""
    found = verdicts["verdict"].value_counts()
    return [
        {"verdict": name, "sign": sign, "kind": words.kind(name), "count": int(found.get(name, 0))}
        for name, sign in VERDICTS.items()
    ]


def errors(verdicts: pd.DataFrame) -> Table:
    """Median and worst absolute error of the complexity cells; a cell that tables repeat counts once."""
    counted = verdicts[verdicts["quantity"].isin(list(COMPLEXITY))].dropna(subset="error")
    counted = counted.drop_duplicates(["source", "variant", "quantity", "paper"])
    whose = pd.Series(["own" if words.own(row) else "peers'" for row in counted.to_dict("records")], counted.index)
    rows = [
        [Cell(f"{COMPLEXITY[quantity]}, {networks} networks"), *_spread(cells)]
        for (quantity, networks), cells in counted.groupby([counted["quantity"], whose.rename("networks")], sort=False)
    ]
    return Table("Errors of the complexity cells", ["", "cells", "fitted", "median", "worst", "which"], rows)


def bounds(verdicts: pd.DataFrame) -> Table:
    """How many counted cells of the paper's own networks other tolerances would have reproduced."""
    rows = [
        [Cell(f"{100 * bound:g} %", bound), *(Cell(f"{row[kind]} of {row['cells']}") for kind in ("rounded", "bare"))]
        for bound, row in by_bound(verdicts).iterrows()
    ]
    return Table("What other bounds would have given", ["bound", "rounding added", "without the rounding"], rows)


def _spread(cells: pd.DataFrame) -> list[Cell]:
    sizes = cells["error"].abs()
    worst = cells.loc[sizes.idxmax()]
    shown = [Cell(f"{100 * size:.1f} %", size) for size in (sizes.median(), sizes.max())]
    which = Cell(f"{worst['row']}, {words.title(worst)}", href=f"#cell-{worst['id']}")
    fitted = sum(map(words.fitted, cells.to_dict("records")))
    return [Cell(str(len(cells)), len(cells)), Cell(str(fitted), fitted), *shown, which]


def grids(verdicts: pd.DataFrame) -> list[Table]:
    """A square a cell: its sign, leading to the cell, with its numbers as note."""

    def square(row: dict[str, Any]) -> list[Cell]:
        sign, kind = VERDICTS[row["verdict"]], words.kind(row["verdict"])
        return [Cell(sign, href=f"#cell-{row['id']}", kind=kind, note=words.spoken(row))]

    return [_pivot(name, rows, square, [""]) for name, rows in _tables(verdicts)]


def side_by_side(verdicts: pd.DataFrame, origins: Origins) -> list[Table]:
    """Each table of the paper: what is printed, what was measured (leading to its record), and the error."""

    def three(row: dict[str, Any]) -> list[Cell]:
        return [words.paper(row), words.measured(row, origins), words.judged(row, f"cell-{row['id']}")]

    return [_pivot(name, rows, three, ["paper", "measured", "error"]) for name, rows in _tables(verdicts)]


def failed(verdicts: pd.DataFrame, origins: Origins) -> Table:
    """What was not reproduced, a row each, and why."""
    rows = [
        [
            Cell(str(row["row"]), href=f"#cell-{row['id']}"), Cell(f"{words.title(row)}, {words.heading(row)}"),
            words.paper(row), words.measured(row, origins), words.judged(row), Cell(words.why(row), kind=PROSE),
        ]
        for row in verdicts[verdicts["verdict"] == "not reproduced"].to_dict("records")
    ]  # fmt: skip
    return Table("Not reproduced", ["", "column", "paper", "measured", "error", "why"], rows)


def listed(verdicts: pd.DataFrame, origins: Origins) -> Table:
    """Every verdict, a row each, with its conditions and reason."""
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
    return Table("Every cell", columns, rows)


def open_ones(verdicts: pd.DataFrame) -> list[dict[str, Any]]:
    """Of what was not judged, by verdict: the count, and the cells by reason and column, the commonest reason first."""
    return [each | {"reasons": _by_reason(verdicts, each["verdict"])} for each in counts(verdicts)[2:]]


def _by_reason(verdicts: pd.DataFrame, verdict: str) -> dict[str, dict[str, list[Cell]]]:
    reasons: dict[str, dict[str, list[Cell]]] = {}
    for row in verdicts[verdicts["verdict"] == verdict].to_dict("records"):
        columns = reasons.setdefault(words.why(row) or "No reason is given.", {})
        cell = Cell(str(row["row"]), href=f"#cell-{row['id']}")
        columns.setdefault(f"{words.title(row)}, {words.heading(row)}", []).append(cell)
    return dict(sorted(reasons.items(), key=lambda each: -sum(map(len, each[1].values()))))


def _tables(verdicts: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """DFANet's tables in their order, then one of all that other papers say of their own networks."""
    own = verdicts["source"] == PAPER
    tables = [(words.title(rows.iloc[0]), rows) for _, rows in verdicts[own].groupby("table", sort=False)]
    others = verdicts[~own].assign(
        row=lambda rows: [f"{row['row']} ({words.title(row)})" for row in rows.to_dict("records")],
        column=lambda rows: rows["quantity"],
    )
    return tables + ([("What other papers print of these networks", others)] if len(others) else [])


def _pivot(name: str, rows: pd.DataFrame, cells: Callable[[dict[str, Any]], list[Cell]], columns: list[str]) -> Table:
    """A line for each row of the paper's table, `columns` for each of its columns. A row said twice has two lines."""
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
    return Table(name, ["", *columns * len(headings)], body, groups)
