"""Tables as the page draws them: cells that know what they sort by and which record made them."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_NUMBER = re.compile(r"(?:[<>] )?([-+]?\d+(\.\d+)?(e[-+]?\d+)?)(?![\w.])")
UNMEASURED = "not-measured"
"""The `kind` of a cell that would hold a number."""
PROSE = "prose"
"""The `kind` of a cell that holds a sentence."""


@dataclass(frozen=True)
class Cell:
    """What stands in a table's cell.

    `value` is the number it sorts by (None: by its text), `href` leads to what made it, `anchor` is its own name,
    `kind` a CSS class, `note` what is said of it besides.
    """

    text: str
    value: float | None = None
    href: str = ""
    anchor: str = ""
    kind: str = ""
    note: str = ""


@dataclass(frozen=True)
class Table:
    """Rows of cells; `groups` are headings over several columns, (text, number of columns) from the left."""

    name: str
    columns: list[str]
    rows: list[list[Cell]]
    groups: list[tuple[str, int]] = field(default_factory=list)

    @property
    def numeric(self) -> list[bool]:
        """Which columns hold numbers, or a verdict in their place."""
        columns = zip(*self.rows, strict=True)
        return [any(cell.value is not None or cell.kind not in ("", PROSE) for cell in column) for column in columns]

    @property
    def starts(self) -> set[int]:
        """The columns that a group begins with."""
        return {sum(span for _, span in self.groups[:index]) for index in range(1, len(self.groups))}


@dataclass(frozen=True)
class Part:
    """A piece of a Markdown text: a heading, a paragraph, or a table."""

    heading: str = ""
    text: str = ""
    table: Table | None = None


def plain(text: str) -> Cell:
    """A cell that sorts by the number it begins with, if it begins with one."""
    found = _NUMBER.match(text.replace("\N{MINUS SIGN}", "-"))
    return Cell(text, float(found[1]) if found else None)


def significant(value: float, decimals: int = 0) -> str:
    """A number with three digits, or with so many decimals where that is more; never with an exponent."""
    leading = math.floor(math.log10(abs(value))) if value else 0
    return f"{value:.{max(decimals, 2 - leading)}f}"


def parts(markdown: str, name: str) -> Iterator[Part]:
    """The Markdown of analysis.markdown, piece by piece; `name` is what its tables are called until a heading says."""
    for block in re.split(r"\n{2,}", markdown.strip()):
        if block.startswith("#"):
            name = block.lstrip("# ")
            yield Part(heading=name)
        elif block.startswith("|"):
            head, _, *lines = (line[2:-2].split(" | ") for line in block.splitlines())
            yield Part(table=Table(name, head, [[plain(cell) for cell in line] for line in lines]))
        else:
            yield Part(text=block.replace("`", ""))
