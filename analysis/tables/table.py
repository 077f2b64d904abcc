"""Tables: one object each, rendered as CSV in full precision, as Markdown, and as cells of the report page."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Number
from typing import Any

import numpy as np
import pandas as pd

from pipeline.utils.text import csv_cell, markdown, paragraph

Row = Mapping[str, Any]
UNMEASURED = "not-measured"
"""The `kind` of a cell that would hold a number."""
PROSE = "prose"
"""The `kind` of a cell that holds a sentence."""


@dataclass(frozen=True)
class Cell:
    """A table's cell: `value` is the number it sorts by (None: it sorts by its text), `href` leads to its origin,
    `anchor` is its own name on the page, `kind` a CSS class, and `note` appears when a reader points at it."""

    text: str
    value: float | None = None
    href: str = ""
    anchor: str = ""
    kind: str = ""
    note: str = ""


@dataclass(frozen=True)
class Column:
    """A column of a grid: which of a row's values it shows, how, and where they come from."""

    heading: str
    keys: str | tuple[str, ...]
    """One value of the row, or several that form one cell. The cell sorts by the first, and is missing without it."""
    format: Callable[..., str] = str
    """Turns the values into text."""
    origin: Callable[[Row], str] = lambda row: ""
    """The link to the record that a row's number comes from; empty for none."""
    missing: str = "-"
    """The text of a cell without a value."""
    kind: str = ""

    def cell(self, row: Row) -> Cell:
        first, *others = (row.get(key, np.nan) for key in ([self.keys] if isinstance(self.keys, str) else self.keys))
        if pd.isna(first):
            return Cell(self.missing)
        text, is_number = self.format(first, *others), isinstance(first, Number) and not isinstance(first, bool)
        return Cell(text, float(first), self.origin(row)) if is_number else Cell(text, kind=self.kind)


@dataclass(frozen=True)
class Grid:
    """Rows of cells. `groups` are headings over several columns: (text, number of columns), from the left."""

    name: str
    columns: list[str]
    rows: list[list[Cell]]
    groups: list[tuple[str, int]] = field(default_factory=list)

    @property
    def numeric(self) -> list[bool]:
        """Which columns hold numbers, or a verdict in their place."""
        cells = [[row[index] for row in self.rows] for index in range(len(self.columns))]
        return [any(cell.value is not None or cell.kind not in ("", PROSE) for cell in column) for column in cells]

    @property
    def starts(self) -> set[int]:
        """The columns that a group begins with."""
        return {sum(span for _, span in self.groups[:index]) for index in range(1, len(self.groups))}

    @property
    def labels(self) -> list[str]:
        """The full name of each column, with its group."""
        groups = [text for text, span in self.groups for _ in range(span)] or [""] * len(self.columns)
        return [": ".join(filter(None, names)) for names in zip(groups, self.columns, strict=True)]

    @property
    def stacked(self) -> bool:
        """Whether a narrow screen shows each row as a list of its cells. More cells than this are too many for that."""
        return len(self.columns) <= 20

    def markdown(self) -> str:
        """The grid without padding, so that a changed number changes one line."""
        rule = ["---:" if numeric else "---" for numeric in self.numeric]
        lines = [[*map(markdown, self.columns)], rule, *([markdown(cell.text) for cell in row] for row in self.rows)]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def grid(columns: Sequence[Column], rows: Iterable[Row] | pd.DataFrame, name: str = "") -> Grid:
    """A grid of `columns` with one line for each of `rows`."""
    rows = rows.to_dict("records") if isinstance(rows, pd.DataFrame) else list(rows)
    return Grid(name, [column.heading for column in columns], [[each.cell(row) for each in columns] for row in rows])


@dataclass(frozen=True)
class Heading:
    """A heading within a table's parts."""

    text: str


Part = Heading | Grid | str
"""What a table consists of for readers; a string is a paragraph."""


@dataclass(frozen=True)
class Table:
    """A table of a study: `data` is what its CSV holds, `parts` are what readers see, below the `conditions`."""

    parts: Sequence[Part]
    data: pd.DataFrame | None = None
    conditions: Sequence[str] = ()

    def csv(self) -> str:
        """The data, in which no name is a formula."""
        inert = self.data.rename(columns=csv_cell)
        for name in inert.select_dtypes(exclude="number"):
            inert[name] = inert[name].map(csv_cell)
        return inert.to_csv(index=False, lineterminator="\n")

    def markdown(self, title: str) -> str:
        return (
            "\n\n".join([f"# {paragraph(title)}", *map(paragraph, self.conditions), *map(_markdown, self.parts)]) + "\n"
        )


def _markdown(part: Part) -> str:
    if isinstance(part, Grid):
        return part.markdown()
    return f"## {part.text}" if isinstance(part, Heading) else paragraph(part)


def percent(value: float) -> str:
    """A fraction in %, with one decimal."""
    return f"{100 * value:.1f}"


def points(value: float) -> str:
    """A difference of fractions in points, with its sign."""
    return f"{100 * value:+.1f}"
