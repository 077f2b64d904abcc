"""Ratios of times against scipy, and the roofline's table and figure."""

import numpy as np
import pytest
from matplotlib.colors import to_hex
from scipy import stats

from analysis.figures import roofline, style
from analysis.results import latency
from analysis.tables.latency import parts
from analysis.tables.table import Table

ROUNDS, SAMPLES = 6, 4


def row(variant, samples, mode="eager float32", **more):
    median = float(np.median(samples))
    figures = {"median_ms": median, "p90_ms": median, "fps": 1000 / median, "stable": True}
    return {
        "variant": variant,
        "mode": mode,
        "device": "cpu",
        "dtype": "float32",
        "samples_ms": samples,
        **figures,
        **more,
    }


def limits(macs, moved, limit):
    times = {"arithmetic_ms": macs / 5e7, "traffic_ms": moved / 2e7, "limit_ms": limit, "limit_by_operation_ms": limit}
    return {"macs": macs, "bytes": moved, **times}


def record(*rows, **more):
    protocol = {
        "device": {"name": "a CPU", "threads": 1},
        "protocol": {"rounds": ROUNDS},
        "size": [96, 128],
        "batch": 1,
    }
    return {**protocol, "rows": list(rows), **more}


@pytest.fixture(scope="module")
def timed():
    """Three variants on a machine whose speed changes from round to round; `b` takes about twice as long as `a`."""
    random = np.random.default_rng(0)
    pace = random.uniform(1, 3, (ROUNDS, 1))
    rows = []
    for name, time, (macs, moved, limit) in (
        ("a", 10.0, (100_000_000, 50_000_000, 2.5)),
        ("b", 20.0, (400_000_000, 20_000_000, 8.0)),
        ("dfanet-a", 16.0, (200_000_000, 200_000_000, 10.0)),
    ):
        samples = time * pace * random.uniform(0.97, 1.03, (ROUNDS, SAMPLES))
        rows.append(row(name, samples.tolist(), **limits(macs, moved, limit)))
    copy = {"kind": "copy", "dtype": "uint8", "per_second": 2e10}
    return record(*rows, ceilings=[copy, {"kind": "product", "dtype": "float32", "per_second": 5e10}])


def text(*arguments):
    return Table(parts(*arguments)).markdown("Latency")


def test_a_ratio_and_its_interval_are_scipys_of_the_rounds_logarithms(timed):
    found = latency.frame(timed, "a").set_index("variant").loc["b"]
    medians = {row["variant"]: np.median(row["samples_ms"], axis=1) for row in timed["rows"]}
    paired = np.log(medians["b"] / medians["a"])
    interval = stats.ttest_1samp(paired, 0).confidence_interval(0.95)
    assert found["ratio"] == pytest.approx(stats.gmean(medians["b"] / medians["a"]))
    assert (found["ratio_low"], found["ratio_high"]) == pytest.approx(tuple(np.exp(interval)))


def test_what_all_met_in_a_round_does_not_widen_the_interval(timed):
    found = latency.frame(timed, "a").set_index("variant").loc["b"]
    assert found["ratio_low"] < 2 < found["ratio_high"]
    assert found["ratio_high"] - found["ratio_low"] < 0.1
    medians = [np.median(row["samples_ms"], axis=1) for row in timed["rows"]]
    assert all(each.max() / each.min() > 1.5 for each in medians)


def test_the_baseline_is_dfanet_a_where_it_was_timed(timed):
    assert latency.baseline(timed, "a") == "dfanet-a"
    assert latency.baseline(record(*timed["rows"][:2]), "b") == "b"


def test_ratios_are_taken_in_the_same_mode_or_to_one_mode():
    times = [("b", 8.0, "eager float32"), ("a", 4.0, "eager float32"), ("a", 2.0, "folded"), ("b", 1.0, "folded")]
    found = record(*(row(name, [[time]] * 3, mode) for name, time, mode in times))
    assert latency.frame(found, "a")["ratio"].tolist() == pytest.approx([2, 1, 1, 0.5])
    assert latency.frame(found, "a", "eager float32")["ratio"].tolist() == pytest.approx([2, 1, 0.5, 0.25])


def test_two_rounds_give_no_interval_and_records_without_samples_or_ceilings_still_give_a_table():
    found = record(row("a", [[4.0], [4.0]]), row("b", [[8.0], [8.0]]))
    table = latency.frame(found, "a")
    assert table["ratio"].tolist() == [1, 2] and "ratio_low" not in table
    kept = record(row("a", [[4.0]]) | {"samples_ms": []}, row("b", [[6.0]]) | {"samples_ms": []})
    table = latency.frame(kept, "a")
    assert table["ratio"].tolist() == [1, 1.5] and "share" not in table
    assert "| b | eager float32, cpu | 6 | 167 | 1.50 | - |" in text(kept, table, "a")
    with style.context():
        assert not roofline.draw(kept).axes


def test_markdown_says_shares_rates_and_conditions(timed):
    said = text(timed, latency.frame(timed, "dfanet-a"), "dfanet-a")
    for words in (
        "time / dfanet-a", "96x128 pixels", "1 CPU thread", "a CPU", "paired by round", "6 rounds",
        "copies 20 GB/s and multiplies float32 matrices at 50 GMAC/s", "caches and fused kernels can do better",
    ):  # fmt: skip
        assert words in said
    lines = [line.split(" | ")[0] for line in said.splitlines() if line.startswith("| ")][1:]
    assert [line.strip("| ") for line in lines[1:]] == ["a", "dfanet-a", "b"]


def test_forms_say_how_far_they_are_from_eager_mode_and_what_was_skipped():
    rows = [
        row("a", [[4.0]] * 3, difference=0.0, tolerance=1e-3, agrees=True),
        row("a", [[2.0]] * 3, "folded", difference=0.5, tolerance=1e-3, agrees=False),
    ]
    found = record(*rows, skipped=[{"mode": "AOTInductor", "reason": "no compiler"}])
    said = text(found, latency.frame(found, "a", "eager float32"), "a", "eager float32")
    assert "5e-01 (does not agree)" in said and "Not timed: AOTInductor (no compiler)." in said


@pytest.fixture(scope="module")
def figure(timed):
    with style.context():
        return roofline.draw(timed)


def test_a_point_lies_below_the_roof_by_the_share_it_reaches(timed, figure):
    (axes,) = figure.axes
    points = np.vstack([each.get_offsets() for each in axes.collections])
    for (intensity, reached), row in zip(points, timed["rows"], strict=True):
        roof = min(50, 20 * intensity)
        assert intensity == pytest.approx(row["macs"] / row["bytes"])
        assert reached / roof == pytest.approx(row["limit_ms"] / row["median_ms"])


def test_the_roof_has_its_ridge_where_both_rates_meet(figure):
    x, y = figure.axes[0].lines[0].get_data()
    assert (x[1], y[1]) == pytest.approx((2.5, 50)) and y[0] / x[0] == pytest.approx(20)


def test_labels_are_inside_and_in_their_networks_colour(timed, figure):
    axes, colours = figure.axes[0], style.colours([row["variant"] for row in timed["rows"]])
    labels = {text.get_text().split()[0]: text for text in axes.texts if "%" in text.get_text()}
    assert labels.keys() == colours.keys()
    for name, text in labels.items():
        assert to_hex(text.get_color()) == to_hex(colours[name])
        assert axes.bbox.x0 <= text.get_window_extent().x0 and text.get_window_extent().x1 <= axes.bbox.x1
