"""Which networks the claims in data/paper are about, and at which input sizes."""

import csv
from pathlib import Path

from pipeline.config import paths
from pipeline.utils.errors import BadInput

CLASSES = 19
"""Cityscapes', with which the paper counts."""


def rows() -> list[dict[str, str]]:
    """The rows of claims.csv, unchecked (`analysis.claims.claims` checks them)."""
    try:
        with Path(paths.CLAIMS).open(newline="", encoding="utf-8") as file:
            lines = csv.DictReader(file)
            if not {"variant", "quantity", "size"} <= set(lines.fieldnames or ()):
                raise BadInput(f"{paths.CLAIMS} has the columns {lines.fieldnames}; `git checkout {paths.CLAIMS}`")
            return list(lines)
    except UnicodeDecodeError:
        raise BadInput(f"{paths.CLAIMS} is not UTF-8; save it with the encoding UTF-8") from None
    except FileNotFoundError:
        raise BadInput(
            f"{paths.CLAIMS} is missing; it is part of the repository: `git checkout {paths.CLAIMS}`"
        ) from None


def variants() -> list[str]:
    """The claimed variants of params.yaml, each once."""
    return list(dict.fromkeys(row["variant"] for row in rows() if row["variant"]))


def networks() -> list[tuple[str, tuple[int, int], int]]:
    """What is counted: (variant, rows and columns of its input, classes)."""
    counted = [row for row in rows() if row["variant"] and row["quantity"] in ("macs", "parameters") and row["size"]]
    return [(row["variant"], tuple(map(int, row["size"].split("x"))), CLASSES) for row in counted]
