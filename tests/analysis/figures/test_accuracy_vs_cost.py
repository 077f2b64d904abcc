"""Figure 1: what is measured, what is quoted, and which of the two an arrow joins."""

import itertools

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.text import Annotation

from analysis.claims import claims
from analysis.figures import accuracy_vs_cost, beside_paper, style
from analysis.figures.accuracy_vs_cost import front
from analysis.results.cost import Cost
from analysis.results.results import read

PEERS = {
    "dfanet-a": 0.03, "dfanet-b": 0.02, "segnet": 2.2, "enet": 0.031, "espnet": 0.06, "icnet": 0.15, "bisenet-1": 0.12,
    "fcn-8s": 1.9, "pspnet": 3.5, "u-net": 2.0,
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def on_the_papers_data():
    """As if the made-up study's data were the paper's, so that arrows are drawn."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(beside_paper, "DATA", "streets")
        yield


@pytest.fixture(scope="module")
def quoted():
    return claims.points(claims.read())


@pytest.fixture(scope="module")
def figure(results, quoted):
    with style.context():
        return accuracy_vs_cost.draw(results, quoted, Cost.gflops(results))


@pytest.fixture
def peers(made):
    made.variants, made.gmacs, made.frames = tuple(PEERS), PEERS, 3
    made.errors = dict(zip(PEERS, np.linspace(0.1, 0.3, len(PEERS)), strict=True))
    return read(made.study, made.write().results)


def caption(figure):
    return " ".join(figure.texts[0].get_text().split())


def offsets(collections):
    return np.vstack([np.asarray(each.get_offsets()) for each in collections if len(each.get_offsets())])


def hollow(axes):
    return [each for each in axes.collections if not len(each.get_facecolor())]


def arrows(axes):
    """From where to where, and in which colour."""
    found = [each for each in axes.texts if isinstance(each, Annotation) and each.arrow_patch]
    return {(tuple(each.xyann), tuple(each.xy), to_hex(each.arrowprops["color"])) for each in found}


def labels(axes):
    return {text.get_text(): text.get_window_extent() for text in axes.texts if text.get_text()}


def test_every_point_of_the_paper_is_there_and_hollow(figure):
    tables = [pd.read_csv(f"data/paper/table{number}.csv") for number in (2, 3, 4, 5)]
    columns = [table[["gmacs", table.filter(like="miou").columns[0]]].dropna().to_numpy() for table in tables]
    wanted = {tuple(row) for row in np.vstack(columns).tolist()}
    ours, theirs = figure.axes
    assert {tuple(row) for row in offsets(hollow(theirs)).tolist()} == wanted
    assert not wanted & {tuple(row) for row in offsets(ours.collections).tolist()}
    assert "CRF-RNN" in caption(figure)


def test_the_studys_points_are_means_at_its_own_input_size(figure, results):
    means = zip(results.complexity["macs_study"] / 1e9, 100 * results.means["miou"], strict=True)
    means = {(round(x, 9), round(y, 9)) for x, y in means}
    for axes in figure.axes:
        assert means <= {tuple(row) for row in offsets(axes.collections).round(9).tolist()}


def test_no_arrow_leads_from_the_papers_data_to_other_data(results, quoted, unlabelled, monkeypatch):
    monkeypatch.setattr(beside_paper, "DATA", "cityscapes")
    figure = accuracy_vs_cost.draw(results, quoted, Cost.gflops(results))
    assert not arrows(figure.axes[1]) and "Arrows" not in caption(figure)


def test_an_arrow_leads_from_a_number_of_the_paper_to_its_measured_twin(figure, results, peers, quoted, unlabelled):
    colours, macs = style.colours(results.study.variants), results.complexity["macs_study"] / 1e9
    printed = {"dfanet-a": (3.4, 71.3), "d": (2.5, 67.1)}  # Table 5, and Table 4's Backbone A x2+HL
    assert arrows(figure.axes[1]) == {
        (start, (macs[name], 100 * results.means["miou"][name]), colours[name].lower())
        for name, start in printed.items()
    }
    drawn = arrows(accuracy_vs_cost.draw(peers, quoted, Cost.gflops(peers)).axes[1])
    starts = {"dfanet-a": (3.4, 71.3), "dfanet-b": (2.1, 67.1), "segnet": (286, 57), "enet": (3.8, 57)}
    starts |= {"icnet": (28.3, 69.5), "bisenet-1": (14.8, 68.4), "fcn-8s": (136.2, 63.1), "pspnet": (412.2, 81.2)}
    ends = {name: (PEERS[name], 100 * peers.means["miou"][name]) for name in starts}
    assert {(start, end) for start, end, _ in drawn} == {(starts[name], ends[name]) for name in starts}


def test_the_twin_is_of_the_scored_split_where_the_paper_has_both(made, quoted, unlabelled):
    results = read(made.study, made.write().results)
    results.scored["split"] = "val"
    drawn = arrows(accuracy_vs_cost.draw(results, quoted, Cost.gflops(results)).axes[1])
    assert {start for start, *_ in drawn} == {(3.4, 71.9), (2.5, 67.1)}, "Table 4's DFANet A, not Table 5's"


@pytest.mark.parametrize("crowded", [False, True])
def test_every_variant_is_named_and_no_names_overlap_or_leave_the_panel(figure, peers, quoted, crowded):
    with style.context():
        figure = accuracy_vs_cost.draw(peers, quoted, Cost.gflops(peers)) if crowded else figure
    assert set(PEERS) <= set(labels(figure.axes[0])) or not crowded
    for axes in figure.axes:
        boxes = labels(axes)
        for (one, first), (other, second) in itertools.combinations(boxes.items(), 2):
            assert not first.overlaps(second), (one, other)
        for name, box in boxes.items():
            assert axes.bbox.x0 <= box.x0 and box.x1 <= axes.bbox.x1, name


def test_more_variants_than_colours_are_still_told_apart():
    names = [f"network-{number}" for number in range(40)]
    looks = {(style.colours(names)[name], style.markers(names)[name]) for name in names}
    assert len(looks) == len(names) > len(style.COLOURS)


def test_the_front_is_what_nothing_cheaper_beats():
    costs = pd.Series({"dear": 9.0, "worse": 2.0, "cheap": 1.0, "best": 4.0, "also cheap": 1.0})
    miou = pd.Series({"dear": 60.0, "worse": 40.0, "cheap": 50.0, "best": 70.0, "also cheap": 45.0})
    assert front(costs, miou) == ["cheap", "best"]


def test_every_device_has_a_panel_of_its_own(results, quoted, unlabelled):
    rows = [row | {"device": "NVIDIA X", "median_ms": row["median_ms"] / 10} for row in results.latency["rows"]]
    rows += [row | {"mode": "eager float16"} for row in rows]
    timings = [results.latency, results.latency | {"rows": rows, "size": [1024, 1024]}]
    figure = accuracy_vs_cost.draw(results, quoted, Cost.latency(results, timings))
    cpu, gpu, beside = figure.axes
    assert cpu.get_title() == "cpu, eager float32, 128x256" and gpu.get_title() == "NVIDIA X, eager float32, 1024x1024"
    assert {8.0, 13.0} <= set(offsets(cpu.collections)[:, 0]) and {0.8, 1.3} <= set(offsets(gpu.collections)[:, 0])
    assert {tuple(row) for row in offsets(hollow(beside)).tolist()} >= {(10, 71.3), (700, 62.5), (16, 57)}
    ((start, end, _),) = arrows(beside)
    assert start == (10, 71.3) and end[0] == pytest.approx(1.3), "the paper's is a GPU, and so is its twin"
    assert "not stable: b" in caption(figure) and "Titan X" in caption(figure)


def test_a_floor_above_all_variants_is_inside_the_panel(made, quoted, unlabelled):
    made.frames, made.errors = 3, dict.fromkeys(made.errors, 0.9)
    results = read(made.study, made.write().results)
    results.floor["miou"] = 0.6
    above = accuracy_vs_cost.draw(results, quoted, Cost.gflops(results)).axes[0]
    assert 100 * results.means["miou"].max() < 60 < above.get_ylim()[1]
    (name,) = [text for text in above.texts if text.get_text() == "floor"]
    assert name.get_window_extent().y1 <= above.bbox.y1, "its label is not cut off"


def test_captions_hold_the_conditions(figure, results):
    for words in (
        "streets",
        "10 frames of split test",
        "128x256",
        "4 epochs",
        "Seeds 0, 1, 2",
        "cpu",
        "commit 01234567",
    ):
        assert words in caption(figure)
    assert "not an error of either" in caption(figure)


def test_two_seeds_are_drawn_without_interval(made, quoted, unlabelled):
    made.seeds, made.frames = (0, 1), 3
    results = read(made.study, made.write().results)
    figure = accuracy_vs_cost.draw(results, quoted, Cost.gflops(results))
    assert "without an interval, because 2 seeds are too few for one" in caption(figure)


def test_a_variant_timed_with_another_image_is_no_part_of_the_front_and_says_its_size(results, quoted):
    """Faster because its image is smaller, `b` would otherwise push the others from the front."""
    rows = [row | {"size": [64, 64]} if row["variant"] == "b" else row for row in results.latency["rows"]]
    rows = [row | {"median_ms": 0.1} if row["variant"] == "b" else row for row in rows]
    timed = results.latency | {"rows": rows}
    (cost,) = Cost.latency(results, [timed])
    with style.context():
        drawn = accuracy_vs_cost.draw(results, quoted, [cost])
    assert cost.elsewhere == {"b": "64x64"} and "b" not in cost.comparable
    assert "b (64x64)" in labels(drawn.axes[0])
    (step,) = [line for line in drawn.axes[0].lines if line.get_label() == "Pareto front"]
    assert min(step.get_xdata()) > 0.1
