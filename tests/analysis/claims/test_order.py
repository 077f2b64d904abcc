"""Who is faster than DFANet A: the paper's order against times with known ratios."""

import numpy as np
import pytest

from analysis.claims import claims
from analysis.claims.order import order
from analysis.tables.order import table

SIZES = {
    "dfanet-a": [256, 256], "dfanet-b": [256, 256], "enet": [96, 160], "bisenet-1": [192, 384], "sq": [256, 512],
    "single": [256, 256],
}  # fmt: skip
"""Table 5's, with a sixteenth of the pixels."""
PACE = np.array([[1.0], [1.3], [0.9], [1.1]])


def row(variant, time, spread=0.01, **more):
    noise = 1 + spread * np.array([[1], [-1], [1], [-1]])
    samples = (time * PACE * (noise if variant != "dfanet-a" else 1)).tolist()
    row = {"variant": variant, "mode": "eager float32", "device": "cpu", "stable": True, "size": SIZES[variant]}
    return row | {"samples_ms": samples, "median_ms": time, **more}


def judged(*rows):
    found = order(claims.read(), {"rows": [row("dfanet-a", 10.0), *rows]})
    return found.set_index("network")


@pytest.mark.parametrize(
    ("variant", "network", "time", "verdict"),
    [
        ("enet", "ENet", 5.0, "same order"),  # the paper: 7 ms, DFANet A 10
        ("enet", "ENet", 20.0, "another order"),
        ("bisenet-1", "BiSeNet1", 20.0, "same order"),  # 13 ms
        ("bisenet-1", "BiSeNet1", 5.0, "another order"),
        ("dfanet-b", "DFANet B", 10.0, "too close to tell"),
    ],
)
def test_the_order_is_the_papers_or_another_one(variant, network, time, verdict):
    assert judged(row(variant, time, spread=0.02)).loc[network, "verdict"] == verdict


def test_an_image_of_other_proportions_than_table_5_s_is_not_judged():
    """ENet's 360x640 has a fifth of the pixels of DFANet A's 1024x1024."""
    assert judged(row("enet", 5.0, size=[256, 256])).loc["ENet", "verdict"] == "other images, not judged"


def test_unstable_rows_are_not_judged():
    assert judged(row("enet", 5.0, stable=False)).loc["ENet", "verdict"] == "unstable, not judged"


def test_networks_without_a_time_in_table_5_are_left_out():
    assert judged(row("single", 5.0), row("enet", 5.0)).index.tolist() == ["ENet"]


def test_without_dfanet_a_nothing_is_judged_and_the_table_says_so():
    found = order(claims.read(), {"rows": [row("enet", 5.0)]})
    assert found.empty and "No network of Table 5" in table(found).markdown("Order")


def test_the_table_counts_the_verdicts():
    said = table(judged(row("enet", 5.0), row("sq", 5.0)).reset_index()).markdown("Order")
    assert "Of 2 comparisons: 1 same order, 1 another order." in said
    assert "| SQ | eager float32, cpu | another order | 60 | 6 | 0.50 |" in said
