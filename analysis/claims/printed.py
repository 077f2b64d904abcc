"""The numbers of Tables 2 to 5, which data/paper holds a second time, in tables as the paper prints them."""

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

from analysis.claims.claims import PAPER, Claim
from pipeline.config import paths

TABLES = ("2", "3", "4", "5")
QUANTITIES = {
    "gmacs": "macs", "params_m": "parameters", "miou_val": "miou", "miou_test": "miou", "time_ms": "time", "fps": "fps",
}  # fmt: skip
"""What each column of numbers holds."""

Cells = dict[tuple[str, str], str]
"""Printed numbers, by row and quantity."""


def cells(table: str, folder: Path = Path(paths.PAPER)) -> Cells:
    """The numbers of a table's file."""
    with (folder / f"table{table}.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {
        (_row(row), quantity): row[column] for row in rows for column, quantity in QUANTITIES.items() if row.get(column)
    }


def differences(claims: Iterable[Claim], folder: Path = Path(paths.PAPER)) -> Iterator[str]:
    """A sentence for each number of Tables 2 to 5 that the claims lack, have otherwise, or have alone."""
    claims = list(claims)
    for table in TABLES:
        printed, where = cells(table, folder), f"{folder}/table{table}.csv"
        claimed = {(each.row, each.quantity): each.printed for each in claims if _is_in(each, table)}
        for key in printed | claimed:
            one, other = claimed.get(key, "nothing"), printed.get(key, "nothing")
            if one != other:
                yield (
                    f"{folder}/claims.csv says {one} for {key[1]} of {key[0]} in Table {table}, but {where} says "
                    f"{other}; look it up in the paper and correct the other one"
                )


def _is_in(claim: Claim, table: str) -> bool:
    return claim.source == PAPER and claim.table == table


def _row(row: dict[str, str]) -> str:
    """The row's name as claims have it: with the scale, if the network sees a smaller image."""
    scale = row.get("scale", "1.0")
    return row["model"] if scale == "1.0" else f"{row['model']} at {scale}"
