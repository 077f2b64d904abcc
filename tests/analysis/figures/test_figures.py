"""The figures: all of them, the same bytes each time, and what must be seen in them."""

import io
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.collections import PathCollection
from matplotlib.colors import to_hex, to_rgba
from PIL import Image
from scipy.stats import ttest_rel

from analysis import study
from analysis.claims import claims
from analysis.figures import accuracy_vs_cost, curves, networks, per_class, qualitative, style, trade_off
from analysis.registry import FIGURES, TABLES
from analysis.results.cost import Cost
from analysis.results.results import read
from analysis.results.statistics import holm
from analysis.study import analyse
from pipeline.graph import graph
from pipeline.utils.errors import BadInput
from tests.analysis.conftest import one_kind


def caption(figure):
    return " ".join(figure.texts[0].get_text().split())


def test_every_file_that_the_graph_names(rendered, results):
    patterns = [name.split("{study}/")[1] for name in graph.STAGES["analyse"].output_patterns[1:]]
    names = {pattern.format(variant=variant) for pattern in patterns for variant in results.study.variants}
    written = [str(path.relative_to(rendered)) for path in rendered.rglob("*") if path.is_file()]
    assert sorted(written) == sorted(names)


def test_a_variant_has_one_colour_in_every_figure(results):
    colours = style.colours(results.study.variants)
    figure = accuracy_vs_cost.draw(results, claims.points(claims.read()), Cost.gflops(results))
    labels = {text.get_text(): to_hex(text.get_color()) for text in figure.axes[0].texts}
    lines = {line.get_label(): to_hex(line.get_color()) for line in curves.draw(results).axes[0].lines}
    drawn = [each for each in per_class.draw(results).axes[0].collections if each.get_label() in colours]
    markers = {each.get_label(): to_hex(each.get_facecolor()[0]) for each in drawn}
    for name, colour in colours.items():
        assert {labels[name], lines[name], markers[name]} == {to_hex(to_rgba(colour))}


def test_qualitative_grid_shows_frame_truth_and_every_variant(whole, results):
    figure = qualitative.draw(results, whole.prepared / "streets")
    titles = [axes.get_title() for axes in figure.axes]
    assert [title for title in titles if title] == ["frame", "truth", *whole.variants]
    assert len(figure.axes) == 4 * (2 + len(whole.variants))
    truth = figure.axes[1].images[0].get_array()
    assert tuple(truth[0, 0]) == (128, 128, 128) and tuple(truth[-1, 0]) == (0, 0, 0)
    picture = style.render(figure, "png")
    assert len(picture) < 1_500_000 and Image.open(io.BytesIO(picture)).width >= 1500


def test_without_frames_the_grid_shows_predictions_and_says_so(whole, results, tmp_path):
    figure = qualitative.draw(results, tmp_path / "streets")
    assert [axes.get_title() for axes in figure.axes if axes.get_title()] == list(whole.variants)
    assert "The frames are not available here, so only predictions are shown." in caption(figure)


def test_each_network_of_the_deepest_aggregation_is_shown_beside_its_sum(whole, results):
    figure = networks.draw(results, whole.prepared / "streets")
    titles = ["frame", "truth", "network 1", "network 2", "network 3", "dfanet-a"]
    assert [axes.get_title() for axes in figure.axes if axes.get_title()] == titles
    kept = np.load(whole.run("dfanet-a", 0) / "predictions.npz")["networks"]
    colours = {tuple(map(int, colour)) for colour in figure.axes[4].images[0].get_array().reshape(-1, 3)}
    assert len(colours) == len(np.unique(kept[2, 0])), "the first frame, by network 3"
    assert "each column shows one term of that sum, not a network that was trained to work alone" in caption(figure)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"variants": ("d", "dfanet-a"), "fused": {}}, "the runs of d, dfanet-a were evaluated before these"),
        ({"variants": ("single", "b")}, "no variant of this study fuses the outputs of several networks"),
        ({"variants": ("d",), "pictures": 0}, "evaluation.pictures is 0"),
    ],
)
def test_without_predictions_by_network_the_figure_says_why(made, change, sentence):
    for name, value in {"seeds": (0,), "frames": 2, **change}.items():
        setattr(made, name, value)
    figure = networks.draw(read(made.study, made.write().results), made.prepared / "streets")
    assert f"No predictions by network: {sentence}" in caption(figure) and not figure.axes


def test_the_trade_off_has_every_measure_and_marks_what_is_within_the_noise(results):
    figure = trade_off.draw(results)
    titles = ["mIoU", "mIoU at borders", "Small objects", "GMACs", "Latency"]
    assert [axes.get_title() for axes in figure.axes] == titles
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == list(results.study.variants)
    points = [[each for each in axes.collections if isinstance(each, PathCollection)] for axes in figure.axes]
    macs = results.complexity["macs_study"] / 1e9
    for drawn, values in ((points[0], 100 * results.means["miou"]), (points[3], macs)):
        assert [tuple(each.get_offsets()[0]) for each in drawn] == [*zip(values, range(6), strict=True)]
    filled = [[tuple(each.get_facecolor()[0]) != (1, 1, 1, 1) for each in drawn] for drawn in points]
    p = [results.differences.between(name, "single").p for name in results.study.variants[1:]]
    assert filled[0] == [True, *(holm(np.array(p)) < 0.05)] and 1 < sum(filled[0]) < 6
    border = results.scores["border_miou"]
    p = [ttest_rel(border[name], border["single"]).pvalue for name in results.study.variants[1:]]
    assert filled[1][0] and not any(seen for seen, each in zip(filled[1][1:], p, strict=True) if each >= 0.05)
    assert all(seen for seen, each in zip(filled[1][1:], p, strict=True) if 5 * each < 0.05) and 1 < sum(filled[1]) < 6
    assert filled[3] == [True] * 6, "counted, so without noise"


def test_frames_of_another_preparation(made, results, tmp_path):
    made.frames = 4
    made.write()
    with pytest.raises(BadInput, match="streets does not hold the frames street_000, .*evaluate the runs"):
        qualitative.draw(results, made.prepared / "streets")


def test_the_smallest_study_renders_without_prepared_data(made, monkeypatch, unlabelled):
    one_kind(monkeypatch)
    made.frames, made.variants, made.pictures, made.seeds = 1, ("single",), 1, (0,)
    made.write()
    numbers = analyse(made.study, made.root / "out", made.results, made.root / "nothing")
    assert set(numbers) == {"single", "floor", "majority-class"}
    assert all(type(value) is float for row in numbers.values() for value in row.values())
    assert len(list((made.root / "out").rglob("*.*"))) == len(graph.STAGES["analyse"].output_patterns) - 1


@pytest.mark.parametrize("pictures", [0, 2])
def test_equal_numbers_give_equal_bytes_with_and_without_pictures(made, coarse, monkeypatch, pictures):
    kinds = {"networks": ("png",), "qualitative": ("png",)}
    if pictures:  # the other figures do not show them
        kinds |= {"accuracy_vs_gflops": ("svg",), "trade_off": ("png",)}
    drawn = {name: replace(FIGURES[name], formats=formats) for name, formats in kinds.items()}
    monkeypatch.setattr(study, "FIGURES", drawn)
    made.frames, made.variants, made.seeds, made.pictures = 2, ("single", "d"), (0,), pictures
    made.write()
    for folder in ("out", "again"):
        analyse(made.study, made.root / folder, made.results, made.prepared)
    for path in (made.root / "out").rglob("*.*"):
        assert path.read_bytes() == (made.root / "again" / path.relative_to(made.root / "out")).read_bytes(), path


def test_analysis_never_imports_torch():
    modules = ", ".join(each.module for each in (*FIGURES.values(), *TABLES.values()))
    check = f"import sys, analysis.study, {modules}; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", check], check=True)
