"""Claims: every number in the paper's tables and in its peers' own papers, with its conditions.

data/paper/claims.csv holds one claim per row, with the value as printed. data/paper/tolerances.yaml holds the largest
difference that counts as reproduced.
"""

import csv
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import yaml

from pipeline.config import paths
from pipeline.utils.errors import BadInput, did_you_mean

PAPER = "dfanet"
"""The `source` of the paper that is reproduced. Other sources are its peers' own papers."""
OWN = ("DFANet", "Backbone", "Xception", "ResNet-50")
"""Beginnings of the rows of the paper's own networks. All other rows are quoted."""
UNITS = {"macs": ("G",), "parameters": ("M", "MB"), "miou": ("%",), "time": ("ms",), "fps": ("1/s",)}
"""Quantities, with the units in which each may be printed."""
COLUMNS = (
    "id", "source", "table", "row", "column", "quantity", "value", "unit", "decimals", "variant", "size", "split",
    "data", "device", "note",
)  # fmt: skip


@dataclass(frozen=True)
class Claim:
    """One cell of a table. `printed` is its text, `value` its number in `unit`; `size` is rows x columns of the frame.

    `variant` is empty if the network is only quoted, and `table` if the peer's paper was not available.
    """

    id: str
    source: str
    table: str
    row: str
    column: str
    quantity: str
    printed: str
    unit: str
    variant: str
    size: str
    split: str
    data: str
    device: str
    note: str

    @property
    def value(self) -> float:
        return float(self.printed)

    @property
    def rounding(self) -> float:
        """Half a unit of the last printed digit."""
        return rounding(self.printed)

    @property
    def quoted(self) -> bool:
        """Whether the paper quotes the number of another network."""
        return self.source == PAPER and not self.row.startswith(OWN)

    @property
    def place(self) -> str:
        """Where the number is printed, in words."""
        source = "" if self.source == PAPER else f"{self.source} "
        return f"{source}Table {self.table}" if self.table else self.source


class Tolerance(NamedTuple):
    """The difference allowed between a measured and a printed number: a share of it, or points, plus its rounding."""

    relative: float = 0.0
    points: float = 0.0

    def around(self, claim: Claim) -> float:
        """The largest difference that counts as reproduced, in the claim's unit."""
        return self.points + self.relative * claim.value + claim.rounding


def rounding(printed: str) -> float:
    """Half a unit of the last digit of a printed number."""
    return 0.5 * 10 ** -len(printed.partition(".")[2])


def read(folder: Path = Path(paths.PAPER), variants: Collection[str] | None = None) -> list[Claim]:
    """Read all claims of claims.csv in order. If `variants` are given, each claim must name one of them or none.

    `BadInput` names the line of a repeated claim, an unknown variant, quantity or unit, or a value that is no number.
    """
    path = folder / "claims.csv"
    with _opened(path) as file:
        lines = csv.DictReader(file, restkey="more")
        _columns(path, lines.fieldnames or ())
        claims = [_claim(line, f"{path}, line {lines.line_num}", variants) for line in lines]
    seen: dict[object, str] = {}
    for claim in claims:
        for key in (claim.id, (claim.source, claim.table, claim.row, claim.column)):
            if key in seen:
                raise BadInput(f"{path}: claim {claim.id} is listed twice (also as {seen[key]}); delete one")
            seen[key] = claim.id
    return claims


def tolerances(folder: Path = Path(paths.PAPER)) -> dict[str, Tolerance]:
    """Read the tolerance of each quantity. `BadInput` if one is missing, unknown or unreadable."""
    path = folder / "tolerances.yaml"
    with _opened(path) as file:
        content = yaml.safe_load(file)
    if not isinstance(content, dict) or set(content) != set(UNITS):
        raise BadInput(f"{path} must hold a tolerance for each of {', '.join(UNITS)} and for nothing else")
    try:
        return {
            quantity: Tolerance(**{key: float(value) for key, value in given.items() if key != "device"})
            for quantity, given in content.items()
        }
    except (AttributeError, TypeError, ValueError) as error:
        raise BadInput(f"{path} is unreadable ({error}); allowed are relative and points, each a number") from None


def points(claims: list[Claim]) -> pd.DataFrame:
    """Rows (model, variant, gmacs, ms, miou in %, split) of the paper's Tables 2 to 5, each network once.

    `gmacs` and `ms` (time per image) are NaN if the paper prints none.
    """
    cells = [each for each in claims if each.source == PAPER and each.table in "2345"]
    costs = {(each.table, each.row, each.quantity): each.value for each in cells}
    rows = [
        (each.row, each.variant, *(costs.get((each.table, each.row, cost)) for cost in ("macs", "time")), each.value,
         each.split)
        for each in cells
        if each.quantity == "miou"
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["model", "variant", "gmacs", "ms", "miou", "split"])
    table = table.astype({"gmacs": float, "ms": float})
    return table.drop_duplicates(["model", "gmacs", "miou", "split"], ignore_index=True)


def _opened(path: Path):
    try:
        return path.open(newline="")
    except FileNotFoundError:
        raise BadInput(f"{path} is missing; it is part of the repository: `git checkout {path}`") from None


def _columns(path: Path, found: Collection[str]) -> None:
    if tuple(found) != COLUMNS:
        raise BadInput(f"{path} has the columns {', '.join(found) or 'of no table'}; they must be {', '.join(COLUMNS)}")


def _claim(line: dict[str, str | None], where: str, variants: Collection[str] | None) -> Claim:
    if None in line.values() or "more" in line:
        raise BadInput(f"{where} does not have {len(COLUMNS)} cells; it is cut short, or a comma needs quotes")
    where = f"{where} ({line['id'] or 'no id'})"
    _number(line, where)
    _unit(line, where)
    _variant(line, where, variants)
    if not re.fullmatch(r"\d+x\d+", line["size"]):
        raise BadInput(f"{where}: size is {line['size']!r}; it must be rows x columns of the input, as in 1024x2048")
    line["printed"], _ = line.pop("value"), line.pop("decimals")
    return Claim(**line)


def _number(line: dict[str, str], where: str) -> None:
    value, decimals = line["value"], line["decimals"]
    if not re.fullmatch(r"\d+(\.\d+)?", value):
        raise BadInput(f"{where}: value is {value!r}; it must be the printed number, as in 0.83")
    if decimals != str(len(value.partition(".")[2])):
        raise BadInput(f"{where}: decimals is {decimals!r}, but {value} has another number of decimals")


def _unit(line: dict[str, str], where: str) -> None:
    quantity, unit = line["quantity"], line["unit"]
    if quantity not in UNITS:
        near = did_you_mean(quantity, UNITS)
        raise BadInput(f'{where}: quantity "{quantity}" is unknown{near}; allowed are {", ".join(UNITS)}')
    if unit not in UNITS[quantity]:
        raise BadInput(f'{where}: unit "{unit}" does not fit {quantity}; allowed are {", ".join(UNITS[quantity])}')


def _variant(line: dict[str, str], where: str, variants: Collection[str] | None) -> None:
    name = line["variant"]
    if not name and not line["note"]:
        raise BadInput(f"{where} names no variant; name one of params.yaml, or give the reason in its note")
    if name and variants is not None and name not in variants:
        raise BadInput(
            f'{where}: there is no variant "{name}" in params.yaml{did_you_mean(name, variants)}; add it there, or '
            "leave the variant empty and say why in the note"
        )
