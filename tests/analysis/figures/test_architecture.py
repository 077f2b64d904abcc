"""The drawn structures: every recorded shape is on the page, nothing overlaps, whatever the structure."""

import itertools
from functools import cache

import numpy as np
import pytest
import torch
from matplotlib.patches import FancyBboxPatch
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox
from torch import nn

from analysis.figures import architecture, style
from analysis.inputs import Inputs
from models import structures
from models.layers import resize
from models.structures.base import Outputs
from pipeline.complexity.architecture import describe
from pipeline.config import params
from tests.analysis.made import Made

VARIANTS = params.load().variants
STRUCTURES = ("single", "a", "b", "c", "d")
CHANGES = {
    "dfanet-a": {},
    "four networks": {"networks": 4},
    "no decoder": {"decoder": "none", "attention": "none"},
    "single, no decoder": {"structure": "single", "networks": 1, "decoder": "none"},
    "three branches": {"structure": "a", "decoder": "none"},
    "added": {"structure": "added", "networks": 2},
}


class Added(structures.find("a")):
    """Modules before, between and behind the networks; one output skips its network's end."""

    def __init__(self, *options):
        super().__init__(*options)
        width = self.high[0]
        self.squeeze = nn.Conv2d(width, 3, 1)
        self.fuse = nn.ModuleList(nn.Conv2d(channels, width, 1) for channels in (2 * width, width))
        self.last = nn.Conv2d(width, width, 1)
        self.gate = nn.Conv2d(3, width, 1)

    def forward(self, images):
        gate = self.gate(images)
        first, early = self.networks[0](images)
        second, late = self.networks[1](resize(self.squeeze(early), images.shape[-2:]))
        size = second[1].shape[-2:]
        fused = self.fuse[0](torch.cat([resize(early, size), resize(late, size)], dim=1))
        gated = self.fuse[1](resize(fused, early.shape[-2:]) * resize(gate, early.shape[-2:]))
        return Outputs([gated, self.last(first[2])], [first[0], second[0]])


@cache
def described(name, size):
    changed = VARIANTS["dfanet-a"].model_copy(update=CHANGES[name]) if name in CHANGES else VARIANTS[name]
    with pytest.MonkeyPatch.context() as patched:
        if name == "added":
            patched.setattr(structures, "find", lambda _: Added)
        return describe(changed, 19, size)


def drawn(*names, size=(97, 131)):
    with style.context():
        figure = architecture.draw({name: described(name, size) for name in names})
        figure.draw_without_rendering()
        return figure


def words(axes):
    return [text.get_text() for text in axes.texts]


def pieces(axes):
    """Every straight piece of a line, as the box around it in pixels."""
    lines = [[*zip(*line.get_data(), strict=True)] for line in axes.lines]
    ends = [pair for places in lines for pair in itertools.pairwise(places)]
    ends += [(text.xyann, text.xy) for text in axes.texts if isinstance(text, Annotation)]
    return [Bbox(axes.transData.transform(pair)) for pair in ends]


def overlapping(ones, others):
    """Pairs of boxes that share more than their edges."""
    low, high = (np.array([getattr(box, side) for box in ones])[:, None] for side in ("min", "max"))
    other_low, other_high = (np.array([getattr(box, side) for box in others])[None] for side in ("min", "max"))
    return np.argwhere(((high > other_low + 1) & (other_high > low + 1)).all(axis=2)).tolist()


def test_every_shape_of_the_printed_figure_is_drawn():
    found = words(drawn("dfanet-a", size=(1024, 1024)).axes[0])
    printed = """512x512x8 256x256x48 128x128x96 64x64x192 256x256x192 128x128x48 64x64x96 32x32x192 128x128x192
        64x64x48 32x32x96 16x16x192 256x256x64 128x128x64 64x64x64 32x32x64 16x16x64"""
    assert set(printed.split()) <= set(found)
    assert found.count("C") >= 6 and {"x2", "x4", "x8", "x16", "up x4"} <= set(found)
    assert [word for word in found if word.startswith("network")] == ["network 1", "network 2", "network 3"]


def test_each_structure_has_a_panel_that_names_its_variant():
    figure = drawn("backbone-b-x2", "xception-b-aspp", "single-se")
    titles = [axes.get_title("left") for axes in figure.axes]
    assert titles == ["backbone-b-x2: structure d", "xception-b-aspp: structure b", "single-se: structure single"]
    found = [set(words(axes)) for axes in figure.axes]
    assert "C" in found[0] and "context" in found[1] and "FC attention" in found[0] and "SE attention" in found[2]


@pytest.mark.parametrize(
    ("names", "size"),
    [
        (STRUCTURES, (64, 128)),
        ((*CHANGES,), (97, 131)),
        (("added", "dfanet-a"), (128, 256)),
        (("dfanet-a",), (1024, 1024)),
    ],
)
def test_every_part_has_its_shape_and_nothing_overlaps(names, size):
    figure = drawn(*names, size=size)
    for name, axes in zip(names, figure.axes, strict=True):
        shapes = [f"{rows}x{columns}x{channels}" for channels, rows, columns in described(name, size)["parts"].values()]
        boxes = [patch.get_window_extent() for patch in axes.patches if isinstance(patch, FancyBboxPatch)]
        assert set(shapes) <= set(words(axes)) and len(boxes) >= len(shapes)
        assert not overlapping(boxes, pieces(axes)), f"{name}: a line through a box"
        assert len(overlapping(boxes, boxes)) == len(boxes), f"{name}: each overlaps with itself alone"
    texts = [text for axes in figure.axes for text in axes.texts if len(text.get_text()) > 1]
    extents = [text.get_window_extent() for text in texts + [axes._left_title for axes in figure.axes]]
    assert len(overlapping(extents, extents)) == len(extents), "a text over another"
    assert all(figure.bbox.x0 <= extent.x0 and extent.x1 <= figure.bbox.x1 for extent in extents)


def test_the_first_variant_of_each_structure_is_drawn_or_else_the_papers(made: Made):
    made.variants = ("single", "d", "dfanet-a")
    inputs = Inputs(made.study, made.write().results, made.prepared)
    assert list(inputs.described) == ["dfanet-a"], "no record of a variant holds a description"
    for record in inputs.results.records.values():
        if record["stage"] == "complexity":
            record["result"]["architecture"] = described(record["wildcards"]["variant"], (64, 128))
    assert inputs.described == {name: described(name, (64, 128)) for name in ("single", "d")}


def test_equal_shapes_give_equal_bytes():
    with style.context():
        first, again = (style.render(drawn("a"), "svg") for _ in range(2))
    assert first == again
