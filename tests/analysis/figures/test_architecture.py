"""Figure 3 as drawn: every shape of the printed one is on the page, nothing overlaps, whatever the variant."""

import itertools
from functools import cache

import pytest

from analysis.figures import architecture, style
from pipeline.complexity.architecture import describe
from pipeline.config import params

D = params.load().variants["d"]
CHANGES = {
    "dfanet-a": {"networks": 3, "decoder": "HL+LL"},
    "four networks": {"networks": 4, "decoder": "HL+LL"},
    "no decoder": {"decoder": "none", "attention": "none"},
    "single": {"structure": "single", "networks": 1},
    "a": {"structure": "a", "networks": 3},
    "b": {"structure": "b", "networks": 1},
    "c": {"structure": "c"},
}


described_once = cache(lambda name, size: describe(D.model_copy(update=CHANGES[name]), 19, size))


def drawn(name, size):
    described = described_once(name, size)
    with style.context():
        figure = architecture.draw(described, name)
        figure.draw_without_rendering()
        return figure, described


def test_every_shape_of_the_printed_figure_is_drawn():
    words = [text.get_text() for text in drawn("dfanet-a", (1024, 1024))[0].axes[0].texts]
    printed = """512x512x8 256x256x48 128x128x96 64x64x192 256x256x192 128x128x48 64x64x96 32x32x192 128x128x192
        64x64x48 32x32x96 16x16x192 256x256x64 128x128x64 64x64x64 32x32x64 16x16x64"""
    assert set(printed.split()) <= set(words)
    assert words.count("C") >= 6 and {"x2", "x4", "x8", "x16", "up x4"} <= set(words)
    assert [word for word in words if word.startswith("network")] == ["network 1", "network 2", "network 3"]


@pytest.mark.parametrize(("name", "size"), [*((name, (97, 131)) for name in CHANGES), ("dfanet-a", (1024, 1024))])
def test_every_part_has_its_shape_and_no_two_texts_overlap(name, size):
    figure, described = drawn(name, size)
    texts = [text for text in figure.axes[0].texts if len(text.get_text()) > 1]
    words = [text.get_text() for text in texts]
    boxes = [text.get_window_extent() for text in texts]
    for channels, rows, columns in described["parts"].values():
        assert f"{rows}x{columns}x{channels}" in words
    for (one, first), (other, second) in itertools.combinations(zip(words, boxes, strict=True), 2):
        assert not first.overlaps(second), (one, other)
    for word, box in zip(words, boxes, strict=True):
        assert figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1, word


def test_equal_shapes_give_equal_bytes():
    with style.context():
        first, again = (style.render(drawn("a", (97, 131))[0], "svg") for _ in range(2))
    assert first == again
