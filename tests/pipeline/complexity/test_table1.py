"""Table 1 as the modules have it, against the paper's, digit for digit."""

import pytest

from models.interpretation import INTERPRETATIONS
from pipeline.complexity.table1 import table1

PAPER = {
    "conv1": ([8], 1, [8], 1, 512),
    "enc2": ([12, 12, 48], 4, [8, 8, 32], 4, 256),
    "enc3": ([24, 24, 96], 6, [16, 16, 64], 6, 128),
    "enc4": ([48, 48, 192], 4, [32, 32, 128], 4, 64),
}


@pytest.mark.parametrize("interpretation", INTERPRETATIONS)
def test_table_1(interpretation):
    rows = {row["stage"]: row for row in table1(INTERPRETATIONS[interpretation].blocks)}
    assert list(rows) == list(PAPER)
    for stage, (a, repeats_a, b, repeats_b, side) in PAPER.items():
        for backbone, widths, repeats in (("xception-a", a, repeats_a), ("xception-b", b, repeats_b)):
            assert rows[stage][backbone] == {
                "convolutions": [["3x3", width] for width in widths],
                "repeats": repeats,
                "output": [widths[-1], side, side],
            }
