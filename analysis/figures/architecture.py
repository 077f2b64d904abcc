"""Figure 3, from the shapes and connections recorded while a network ran (`pipeline/complexity/architecture.py`)."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyBboxPatch

from analysis.figures import style
from analysis.figures.layout import Edge, Layout, Place, column
from analysis.results import conditions

INSIDE, REUSED, RESIZED, HIGH, LOW = "#404040", "#0072B2", "#D55E00", "#009E73", "#A0508C"
KINDS = {
    INSIDE: "in sequence",
    REUSED: "stage reused",
    RESIZED: "output or image resized",
    HIGH: "decoder: high level",
    LOW: "decoder: low level",
}
STAGES = ("#F4F4F4", "#E3EEF6", "#CCE0EF", "#B3D1E7")
"""Colours of a network's stages, from the first one on."""
FILLS = {"attention": "#FBE9C6", "context": "#E8DDF2", "high": "#D3EDE4", "low": "#F3E0EC"}
TITLES = {"attention": "FC attention", "context": "ASPP", "high": "convolution"}
TITLES |= {"low": "convolution", "merge": "convolution", "classify": "classifier"}
LEVEL = 0.5
"""Distance between two levels, in inches."""
HEIGHT = 0.56
"""Height of a box, in levels."""
GUTTER, CROSSING, LANE = 0.43, 0.505, 0.42
"""Columns from the middle of a network to vertical lines: two on its right, and one to the decoder on its left."""
ASIDE = 0.13
"""Levels by which two lines are moved apart that would meet on one level."""
BUS = 0.5
"""Levels between a convolution of the decoder and the line that joins it with others."""
GAP = 3.6
"""Radius of a circled sign, in points."""


def draw(described: dict[str, Any], name: str) -> Figure:
    """`described` is the result of `pipeline.complexity.architecture.describe` for the variant `name`."""
    layout = Layout(described)
    width = style.WIDTH * min(1.0, (layout.columns + 1) / 3)
    figure = style.figure(width, LEVEL * (layout.bottom - layout.top) + 0.3, _caption(described, name))
    axes = figure.subplots()
    axes.set(xlim=(-0.48, layout.columns + 0.4), ylim=(layout.bottom, layout.top))
    axes.set_axis_off()
    for part in layout.places:
        _part(axes, layout, part)
    for part in layout.entries:
        _entry(axes, layout, part)
    for edge in layout.flow:
        _edge(axes, layout, edge)
    for index in range(layout.columns):
        level = min(y for x, y in [*layout.places.values(), *layout.entries.values()] if x == index)
        axes.text(index, level - 0.42, f"network {index + 1}", ha="center", va="bottom", fontweight="bold")
    found = {_colour(edge) for edge in layout.flow}
    lines = [Line2D([], [], color=colour, label=word) for colour, word in KINDS.items() if colour in found]
    figure.legend(handles=lines, loc="outside upper center", ncols=5, handlelength=1.4, columnspacing=1.2)
    return figure


def _caption(described: dict[str, Any], name: str) -> str:
    return (
        f"{name} for an input of {conditions.size(described['size'])}, drawn from what was recorded while the network "
        "ran. The paper's Figure 3 shows DFANet A at 1024x1024. Each box gives the shape of its output as rows x "
        "columns x channels; each level down halves the resolution. C: concatenation of channels; +: sum; x4: bilinear "
        "upsampling by 4."
    )


def _colour(edge: Edge) -> str:
    for path, colour in ((".high.", HIGH), (".low.", LOW)):
        if path in edge["from"] + edge["to"]:
            return colour
    if column(edge["to"]) and column(edge["from"]) != column(edge["to"]):
        return RESIZED if edge["resized"] else REUSED
    return INSIDE


def _part(axes: Axes, layout: Layout, part: str) -> None:
    words = part.split(".")
    kind = words[1] if part.startswith(("decoder.high", "decoder.low")) else words[-1]
    stages = [each.split(".")[-1] for each in layout.parts if each.startswith("networks.0.")]
    fill = FILLS.get(kind) or (STAGES[min(stages.index(kind), 3)] if kind in stages else STAGES[0])
    _box(axes, layout, layout.places[part], TITLES.get(kind, kind), layout.parts[part], {"facecolor": fill})


def _entry(axes: Axes, layout: Layout, part: str) -> None:
    """Draw the resized input of a network, which is not the output of a part."""
    edge = next(edge for edge in layout.into(part) if edge["resized"])
    shape = [layout.parts[edge["from"]][0], *edge["resized"]]
    look = {"facecolor": "white", "edgecolor": RESIZED, "linestyle": (0, (3, 1.5))}
    larger = edge["resized"] > layout.parts[edge["from"]][1:]
    _box(axes, layout, layout.entries[part], f"{'up' if larger else 'down'} {_factor(layout, edge)}", shape, look)


def _box(axes: Axes, layout: Layout, place: Place, title: str, shape: list[int], look: dict[str, Any]) -> None:
    (x, y), half = place, layout.half(shape)
    look = {"edgecolor": INSIDE, "linewidth": 0.7, "boxstyle": "round,pad=0,rounding_size=0.04", "zorder": 3} | look
    axes.add_patch(FancyBboxPatch((x - half, y - HEIGHT / 2), 2 * half, HEIGHT, **look))
    channels, rows, columns = shape
    words = {"ha": "center", "va": "center", "fontsize": 6.3, "zorder": 4}
    axes.text(x, y - 0.125, title, **words, fontweight="bold")
    axes.text(x, y + 0.135, conditions.size([rows, columns, channels]), **words)


def _factor(layout: Layout, edge: Edge) -> str:
    """A resize in words: its factor if that is a whole number or its inverse is, otherwise the size."""
    before = layout.parts[edge["from"]][1:]
    factors = {after / side for after, side in zip(edge["resized"], before, strict=True)}
    factor = factors.pop()
    exact = not factors and ((factor % 1 == 0) or (1 / factor) % 1 == 0)
    return f"x{factor:g}" if exact else f"to {conditions.size(edge['resized'])}"


def _edge(axes: Axes, layout: Layout, edge: Edge) -> None:
    source, target, colour = edge["from"], edge["to"], _colour(edge)
    (x, y), (to_x, to_y) = layout.places[source], layout.places[target]
    half, to_half = layout.half(layout.parts[source]), layout.half(layout.parts[target])
    above = to_y - HEIGHT / 2
    if column(target) is not None and layout.joined(target) == "concat":
        above = _sign(axes, (to_x, above - 0.22), "C", above)
    if colour == REUSED:
        low = y + ASIDE
        _line(axes, colour, (x + half, low), (x + CROSSING, low), (x + CROSSING, above), (to_x, above), gap=GAP)
    elif colour == RESIZED:
        _resized(axes, layout, edge, above)
    elif target.startswith("decoder.low."):
        _line(axes, colour, (x - half, y), (x - LANE, y), (x - LANE, to_y), (to_x - to_half, to_y))
        if edge["resized"]:
            axes.text(x - LANE + 0.02, to_y + 0.1, _factor(layout, edge), va="top", fontsize=6, color=colour)
    elif layout.joined(target) == "sum" or ".high." in source or ".low." in source:
        _join(axes, layout, edge)
    elif x != to_x:
        _line(axes, colour, (x + half, y), (to_x - to_half, to_y))
    else:
        side = HEIGHT / 2 if to_y > y else -HEIGHT / 2
        end = above if to_y > y else to_y + HEIGHT / 2
        _line(axes, colour, (x, y + side), (x, end), gap=GAP * (end < to_y - HEIGHT / 2))
        if edge["resized"]:
            axes.text(x + 0.03, (y + to_y) / 2, _factor(layout, edge), va="center", fontsize=6, color=colour)


def _resized(axes: Axes, layout: Layout, edge: Edge, above: float) -> None:
    """Draw a line to the box of the resized input, and from there into the part."""
    (x, y), (to_x, level) = layout.places[edge["from"]], layout.entries[edge["to"]]
    start, left = x + layout.half(layout.parts[edge["from"]]), to_x - layout.half([0, *edge["resized"]])
    gutter = x + GUTTER if level < y else to_x - LANE
    _line(axes, RESIZED, (start, y), (gutter, y), (gutter, level - ASIDE), (left, level - ASIDE))
    joined = layout.joined(edge["to"]) == "concat"
    _line(axes, INSIDE, (to_x, level + HEIGHT / 2), (to_x, above), gap=GAP * joined)


def _join(axes: Axes, layout: Layout, edge: Edge) -> None:
    """Draw a line down to the one that joins all inputs, along it to the right, and up into the part."""
    (x, y), (to_x, to_y) = layout.places[edge["from"]], layout.places[edge["to"]]
    if x == to_x:
        return _line(axes, _colour(edge), (x, y - HEIGHT / 2), (x, layout.places["decoder.high.0"][1] + BUS), gap=GAP)
    sign, level = {"sum": "+", "concat": "C"}.get(layout.joined(edge["to"])), y + BUS
    _line(axes, _colour(edge), (x, y + HEIGHT / 2), (x, level), (to_x, level), gap=GAP * bool(sign))
    _line(axes, _colour(edge), (to_x, level), (to_x, to_y + HEIGHT / 2))
    if edge["resized"]:
        axes.text(x + 0.03, level + 0.05, _factor(layout, edge), va="top", fontsize=6, color=_colour(edge))
    if sign:
        _sign(axes, (to_x, level), sign, level)
    return None


def _sign(axes: Axes, place: Place, text: str, target: float) -> float:
    """Draw a circled sign, and an arrow if its target is further away. Return its level."""
    x, level = place
    axes.scatter(x, level, s=46, color="white", edgecolor=INSIDE, linewidth=0.7, zorder=5)
    axes.text(x, level, text, ha="center", va="center_baseline", fontsize=5.5, fontweight="bold", zorder=6)
    if target > level:
        _line(axes, INSIDE, (x, level), (x, target))
    return level


def _line(axes: Axes, colour: str, *places: Place, gap: float = 0) -> None:
    """Draw an arrow along `places` that ends `gap` points before the last."""
    look = {"color": colour, "linewidth": 0.9}
    axes.plot(*zip(*places[:-1], strict=True), **look, zorder=2, solid_joinstyle="round")
    arrow = {"arrowstyle": "-|>,head_width=0.13,head_length=0.26", "shrinkA": 0, "shrinkB": gap, **look}
    axes.annotate("", places[-1], places[-2], arrowprops=arrow, zorder=2)
