"""The figures: all of them, the same bytes each time, and what must be seen in them."""

import itertools
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex, to_rgba
from PIL import Image

from analysis import accuracy_vs_gflops, claims, curves, per_class, qualitative, style
from analysis.results import read
from analysis.study import analyse
from pipeline import graph
from pipeline.errors import BadInput


@pytest.fixture(scope="module")
def figure(results):
    with style.context():
        return accuracy_vs_gflops.draw(results, claims.points(claims.read()))


def caption(figure):
    return " ".join(figure.texts[0].get_text().split())


def offsets(axes):
    return np.vstack([np.asarray(each.get_offsets()) for each in axes.collections if len(each.get_offsets())])


def test_every_file_that_the_graph_names(rendered):
    names = [name.split("{study}/")[1] for name in graph.STAGES["analyse"].outputs[1:]]
    written = [str(path.relative_to(rendered)) for path in rendered.rglob("*") if path.is_file()]
    assert sorted(written) == sorted(names)


def test_equal_numbers_give_equal_bytes(whole, rendered, tmp_path):
    analyse(whole.study, tmp_path, whole.results, whole.prepared)
    for path in rendered.rglob("*.*"):
        assert path.read_bytes() == (tmp_path / path.relative_to(rendered)).read_bytes(), path.name


def test_every_point_of_the_paper_is_there_and_hollow(figure):
    tables = [pd.read_csv(f"data/paper/table{number}.csv") for number in (2, 3, 4, 5)]
    columns = [table[["gmacs", table.filter(like="miou").columns[0]]].dropna().to_numpy() for table in tables]
    wanted = {tuple(row) for row in np.vstack(columns).tolist()}
    ours, theirs = figure.axes
    assert {tuple(row) for row in offsets(theirs).tolist()} == wanted
    assert not wanted & {tuple(row) for row in offsets(ours).tolist()}
    assert all(not len(each.get_facecolor()) for each in theirs.collections)
    assert "CRF-RNN" in caption(figure)


def test_the_studys_points_are_means_at_its_own_input_size(figure, results):
    drawn = {tuple(row) for row in offsets(figure.axes[0]).round(9).tolist()}
    means = zip(results.complexity["macs_study"] / 1e9, 100 * results.means["miou"], strict=True)
    assert {(round(x, 9), round(y, 9)) for x, y in means} <= drawn


def test_labels_do_not_overlap_and_stay_inside(figure):
    for axes in figure.axes:
        boxes = {text.get_text(): text.get_window_extent() for text in axes.texts if text.get_text()}
        for (one, first), (other, second) in itertools.combinations(boxes.items(), 2):
            assert not first.overlaps(second), (one, other)
        for name, box in boxes.items():
            assert axes.bbox.x0 <= box.x0 and box.x1 <= axes.bbox.x1, name


def test_captions_hold_the_conditions(figure):
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


def test_two_seeds_are_drawn_without_interval(made):
    made.seeds, made.frames = (0, 1), 3
    figure = accuracy_vs_gflops.draw(read(made.study, made.write().results), claims.points(claims.read()))
    assert "without interval, for which 2 are too few" in caption(figure)


def test_a_variant_has_one_colour_in_every_figure(figure, results):
    colours = style.colours(results.study.variants)
    labels = {text.get_text(): to_hex(text.get_color()) for text in figure.axes[0].texts}
    lines = {line.get_label(): to_hex(line.get_color()) for line in curves.draw(results).axes[0].lines}
    drawn = [each for each in per_class.draw(results).axes[0].collections if each.get_label() in colours]
    markers = {each.get_label(): to_hex(each.get_facecolor()[0]) for each in drawn}
    for name, colour in colours.items():
        assert {labels[name], lines[name], markers[name]} == {to_hex(to_rgba(colour))}


def test_qualitative_grid_shows_frame_truth_and_every_variant(whole, results, rendered):
    figure = qualitative.draw(results, whole.prepared / "streets")
    titles = [axes.get_title() for axes in figure.axes]
    assert [title for title in titles if title] == ["frame", "truth", *whole.variants]
    assert len(figure.axes) == 4 * (2 + len(whole.variants))
    truth = figure.axes[1].images[0].get_array()
    assert tuple(truth[0, 0]) == (128, 128, 128) and tuple(truth[-1, 0]) == (0, 0, 0)
    path = rendered / "figures/qualitative.png"
    assert path.stat().st_size < 1_500_000 and Image.open(path).width >= 1500


def test_without_frames_the_grid_shows_predictions_and_says_so(whole, results, tmp_path):
    figure = qualitative.draw(results, tmp_path / "streets")
    assert [axes.get_title() for axes in figure.axes if axes.get_title()] == list(whole.variants)
    assert "The frames are not at hand here: predictions alone." in caption(figure)


def test_frames_of_another_preparation(made, results, tmp_path):
    made.frames = 4
    made.write()
    with pytest.raises(BadInput, match="streets does not hold the frames street_000, .*evaluate the runs"):
        qualitative.draw(results, made.prepared / "streets")


def test_results_kept_elsewhere_render_without_prepared_data(whole, tmp_path):
    shutil.copytree(whole.results, tmp_path / "kept")
    numbers = analyse(whole.study, tmp_path / "out", tmp_path / "kept", tmp_path / "nothing")
    assert (tmp_path / "out/figures/qualitative.png").exists()
    assert set(numbers) == {*whole.variants, "floor", "majority class"}
    assert all(type(value) is float for row in numbers.values() for value in row.values())


@pytest.mark.parametrize(("frames", "variants", "pictures"), [(1, ("single",), 1), (2, ("single", "d"), 0)])
def test_the_smallest_studies(made, frames, variants, pictures):
    made.frames, made.variants, made.pictures, made.seeds = frames, variants, pictures, (0,)
    numbers = analyse(made.write().study, made.root / "out", made.results, made.prepared)
    assert set(numbers) == {*variants, "floor", "majority class"}
    assert len(list((made.root / "out").rglob("*.*"))) == len(graph.STAGES["analyse"].outputs) - 1


def test_analysis_never_imports_torch():
    check = "import sys, analysis.study; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", check], check=True)
