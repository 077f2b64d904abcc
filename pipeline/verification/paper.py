"""The claims against the paper's tables, and against the interpretations that were fitted to them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from analysis.claims import claims, printed
from pipeline.config import paths
from pipeline.utils.records import AGAIN
from pipeline.verification.check import Check
from pipeline.verification.study import Verified

WITHIN = 0.01
"""Largest difference between two counts of the same MACs, as a share of the printed number."""


def paper(study: Verified) -> Iterator[Check]:
    """Claims against the tables as printed, and the cells that interpretations were fitted to against the claims."""
    check = Check("claims on Tables 2 to 5", f"{paths.PAPER}/table2.csv to table5.csv")
    check.each(_printed, count=sum(len(printed.cells(table)) for table in printed.TABLES))
    yield check
    check = Check("interpretations", "claims, counted networks")
    for path, record in study.of("interpretations").items():
        check.each(_fitted, study, path, record["result"], count=len(record["result"]["cells"]))
    yield check


def _printed() -> Iterator[str]:
    yield from printed.differences(claims.read())


def _fitted(study: Verified, path: Path, result: dict[str, Any]) -> Iterator[str]:
    claimed = {(each.variant, each.size, each.quantity, each.value) for each in claims.read()}
    counted = {
        name: each for record in study.of("paper").values() for name, each in record["result"]["variants"].items()
    }
    for cell, error in zip(result["cells"], result["named"]["fitted"]["errors"], strict=True):
        name, size, quantity = cell["variant"], "x".join(map(str, cell["size"])), cell["quantity"]
        if (name, size, quantity, cell["paper"]) not in claimed:
            yield f"{path} was fitted to {quantity} = {cell['paper']} of {name}, which {paths.CLAIMS} lacks; {AGAIN}"
        elif quantity == "macs" and name in counted:
            macs = counted[name]["at"][size]["macs"] / 1e9
            if abs(macs / cell["paper"] - 1 - error) > WITHIN:
                yield f"{path} has an error of {error:.4f} for MACs of {name}, but {macs:.4g} G were counted; {AGAIN}"
