"""What the paper's own numbers are held against: the complexity of every claimed network, Table 1, and Figure 3
as it runs."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from models.interpretation import INTERPRETATIONS
from pipeline.complexity.architecture import describe
from pipeline.complexity.macs import Size, count_paper
from pipeline.complexity.table1 import table1

if TYPE_CHECKING:
    from pipeline.config.variants import AnyVariant

FIGURE_3 = ("dfanet-a", (1024, 1024))
"""The variant that Figure 3 draws, and for which input size."""


def count(
    claims: Iterable[tuple[str, Size, int]], variants: Mapping[str, "AnyVariant"], classes: int
) -> dict[str, Any]:
    """`claims` are (variant, size of the image, classes). Beside the counts: Table 1, and what Figure 3 is drawn of."""
    name, size = FIGURE_3
    figure = {"name": name, "described": describe(variants[name], classes, size)}
    blocks = INTERPRETATIONS[variants[name].interpretation].blocks
    return count_paper(claims, variants) | {"architecture": figure, "table1": table1(blocks, size)}
