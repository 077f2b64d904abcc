"""Complexity of the networks that the paper makes claims about, with Table 1 and Figure 3 as the modules have them."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from models.interpretation import INTERPRETATIONS
from pipeline.complexity.architecture import describe
from pipeline.complexity.macs import Size, count_paper
from pipeline.complexity.table1 import table1

if TYPE_CHECKING:
    from pipeline.config.variants import AnyVariant

FIGURE_3 = ("dfanet-a", (1024, 1024))
"""The variant and the input size that Figure 3 shows."""


def count(
    claims: Iterable[tuple[str, Size, int]], variants: Mapping[str, "AnyVariant"], classes: int
) -> dict[str, Any]:
    """Return the counts of `claims` (variant, image size, classes), Table 1, and the parts and flow for Figure 3.

    Raises `BadInput` as `count_paper` does.
    """
    name, size = FIGURE_3
    figure = {"name": name, "described": describe(variants[name], classes, size)}
    blocks = INTERPRETATIONS[variants[name].interpretation].blocks
    return count_paper(claims, variants) | {"architecture": figure, "table1": table1(blocks, size)}
