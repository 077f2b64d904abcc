"""Latency over image sizes: ratios between equal images, and what bounds a network."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.collections import PathCollection
from matplotlib.colors import to_hex

from analysis.figures import latency_over_sizes, style
from analysis.results import over_sizes
from analysis.tables import latency as table

SIZES = [(64, 64), (128, 128), (512, 512)]
TIMES = {"dfanet-a": (10.0, 12.0, 60.0), "enet": (5.0, 10.0, 120.0)}
"""The smaller network is faster on small images only."""


def row(variant, size, time):
    pace = np.array([[0.9], [1.0], [1.2], [1.1]])
    return {
        "variant": variant, "mode": "eager float32", "device": "cpu", "size": list(size), "median_ms": time,
        "fps": 1000 / time, "stable": size != (64, 64), "samples_ms": (time * pace * [[0.99, 1.0, 1.01]]).tolist(),
        "traffic_ms": np.prod(size) / 1e4, "arithmetic_ms": np.prod(size) / 4e4,
    }  # fmt: skip


@pytest.fixture
def swept(results):
    rows = [row(name, size, time) for name, times in TIMES.items() for size, time in zip(SIZES, times, strict=True)]
    return replace(results, latency=results.latency | {"over": rows})


def test_the_faster_network_depends_on_the_size(swept):
    found = over_sizes.frame(swept.latency, "dfanet-a").set_index(["variant", "size"]).loc["enet"]
    assert found["ratio"].tolist() == pytest.approx([0.5, 10 / 12, 2.0])
    assert (found["ratio_low"] <= found["ratio"] + 1e-9).all() and (found["ratio"] <= found["ratio_high"] + 1e-9).all()


def test_what_bounds_a_network_is_the_largest_of_its_parts(swept):
    found = over_sizes.frame(swept.latency, "dfanet-a").set_index(["variant", "size"])
    assert found.loc[("dfanet-a", "64x64"), "bound"] == "small operations"
    assert found.loc[("dfanet-a", "128x128"), "bound"] == "small operations"
    assert found.loc[("dfanet-a", "512x512"), ["bound", "bound_share"]].tolist() == [
        "bytes",
        pytest.approx(26.2144 / 60),
    ]


def test_a_base_that_was_not_timed_gives_no_ratio_and_a_record_without_sizes_no_row(swept):
    assert over_sizes.frame(swept.latency, "b")["ratio"].isna().all()
    assert over_sizes.frame({"rows": []}, "b").empty


def test_the_figure_has_a_line_a_network_and_hollow_markers_where_unstable(swept):
    with style.context():
        times, ratios = latency_over_sizes.draw(swept).axes
    assert [line.get_label() for line in times.lines] == list(TIMES)
    assert [text.get_text() for text in times.get_xticklabels()] == ["64x64", "128x128", "512x512"]
    faces = [to_hex(each.get_facecolor()[0]) for each in times.collections if isinstance(each, PathCollection)]
    assert (faces.count("#ffffff"), len(faces)) == (2, 4)
    assert ratios.lines[1].get_ydata().tolist() == pytest.approx([0.5, 10 / 12, 2.0])


def test_a_study_without_sizes_gets_a_sentence(results):
    with style.context():
        figure = latency_over_sizes.draw(results)
    assert not figure.axes and "timed_over" in figure.texts[0].get_text()


def test_the_table_names_each_size_and_what_bounds_it(swept):
    said = table.table(swept).markdown("Latency")
    assert "Over image sizes" in said and "| 512x512 | enet |" in said and "bytes (44%)" in said
