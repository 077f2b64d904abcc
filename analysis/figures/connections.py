"""Lines between the parts of a drawn network: along free lanes beside and between the boxes."""

from matplotlib.axes import Axes

from analysis.figures.layout import Edge, Layout, Place
from analysis.results import conditions

INSIDE, REUSED, RESIZED, HIGH, LOW = "#404040", "#0072B2", "#D55E00", "#009E73", "#A0508C"
KINDS = {
    INSIDE: "in sequence",
    REUSED: "passed on",
    RESIZED: "resized and passed on",
    HIGH: "decoder: high level",
    LOW: "decoder: low level",
}
SIGNS = {"concat": "C", "sum": "+", "mul": "\u00d7"}
OTHER = "*"
"""The sign of any other operation."""
HEIGHT = 0.56
"""Height of a box, in levels."""
GUTTER, LONG, CROSSING, LANE = 0.43, 0.468, 0.505, 0.42
"""Columns from the middle of a network to vertical lines: three on its right, and one to the decoder on its left."""
ASIDE = 0.13
"""Levels by which two lines are moved apart that would meet on one level."""
BUS = 0.5
"""Levels between a convolution of the decoder and the line that joins it with others."""
DROP = 0.22
"""Levels from a line or a sign down to the box that it enters."""
GAP = 3.6
"""Radius of a circled sign, in points."""


def colour_of(layout: Layout, edge: Edge) -> str:
    """What an edge does, as one of `KINDS`."""
    for path, colour in ((".high.", HIGH), (".low.", LOW)):
        if path in edge["from"] + edge["to"]:
            return colour
    inside = layout.places[edge["from"]][0] == layout.places[edge["to"]][0] or edge["to"].startswith("decoder.")
    return INSIDE if inside else RESIZED if edge["resized"] else REUSED


def factor(layout: Layout, edge: Edge) -> str:
    """A resize in words: its factor if that is a whole number or its inverse is, otherwise the size."""
    before = layout.parts[edge["from"]][1:]
    found = {after / side for after, side in zip(edge["resized"], before, strict=True)}
    ratio = found.pop()
    exact = not found and ((ratio % 1 == 0) or (1 / ratio) % 1 == 0)
    if not exact:
        return f"to {conditions.size(edge['resized'])}"
    return f"x{ratio:g}" if ratio >= 1 else f"x1/{1 / ratio:g}"


def draw(axes: Axes, layout: Layout, edge: Edge) -> None:
    """Draw one edge, with the sign of the operation that it enters and by how much it is resized."""
    source, target, colour = edge["from"], edge["to"], colour_of(layout, edge)
    (x, y), (to_x, to_y) = start, end = layout.places[source], layout.places[target]
    if edge == layout.resized.get(target):
        _resized(axes, layout, edge)
    elif ".high." in source or ".low." in source or (target == "decoder.classify" and edge["joined"]):
        _join(axes, layout, edge)
    elif target == "decoder.classify" and x != to_x:
        corners = [(x + CROSSING, y), (x + CROSSING, to_y)] if y != to_y else []
        _line(axes, colour, (x + _half(layout, source), y), *corners, (to_x - _half(layout, target), to_y))
        _label(axes, layout, edge, (x + CROSSING + 0.03, to_y + 0.1), va="top")
    elif target.startswith("decoder.low.") and x == to_x:
        corners = (x - LANE, y), (x - LANE, to_y)
        _line(axes, colour, (x - _half(layout, source), y), *corners, (to_x - _half(layout, target), to_y))
        _label(axes, layout, edge, (x - LANE + 0.02, to_y + 0.1), va="top")
    elif to_y < y and x == to_x and layout.clear(start, end):
        _line(axes, colour, (x, y - HEIGHT / 2), (x, to_y + HEIGHT / 2))
        _label(axes, layout, edge, (x + 0.03, (y + to_y) / 2), va="center")
    elif x == to_x and layout.clear(start, end):
        joined, above = _joined(axes, layout, target)
        _line(axes, colour, (x, y + HEIGHT / 2), (x, above), gap=GAP * joined)
        _label(axes, layout, edge, (x + 0.03, (y + to_y) / 2), va="center")
    else:
        _around(axes, layout, edge)


def _around(axes: Axes, layout: Layout, edge: Edge) -> None:
    """Draw a line that leaves on the right and enters from above, between the boxes."""
    (x, y), (to_x, to_y) = layout.places[edge["from"]], layout.places[edge["to"]]
    joined, above = _joined(axes, layout, edge["to"])
    low, level, colour = y + ASIDE, above - DROP * (not joined), colour_of(layout, edge)
    lane = x + (CROSSING if y < to_y <= y + 1 else LONG)
    corners = (lane, low), (lane, level)
    last = [(to_x, above)] if joined else [(to_x, level), (to_x, above)]
    _line(axes, colour, (x + _half(layout, edge["from"]), low), *corners, *last, gap=GAP * joined)
    _label(axes, layout, edge, (lane + 0.02, low), va="center")


def _joined(axes: Axes, layout: Layout, part: str) -> tuple[bool, float]:
    """Draw the sign of the operation that joins the inputs of `part`, if one does. Return the level of its input."""
    x, y = layout.places[part]
    sign = SIGNS.get(layout.joined(part), OTHER) if layout.joined(part) else None
    return bool(sign), _sign(axes, (x, y - HEIGHT / 2 - DROP), sign, y - HEIGHT / 2) if sign else y - HEIGHT / 2


def _resized(axes: Axes, layout: Layout, edge: Edge) -> None:
    """Draw a line to the box of the resized input, and from there into the part."""
    (x, y), (to_x, level) = layout.places[edge["from"]], layout.entries[edge["to"]]
    joined, above = _joined(axes, layout, edge["to"])
    start, left = x + _half(layout, edge["from"]), to_x - layout.half([0, *edge["resized"]])
    gutter = x + GUTTER if level < y else to_x - LANE
    corners = [(gutter, y), (gutter, level - ASIDE), (left, level - ASIDE)]
    if to_x < x or not (layout.clear((x, y), (gutter, y)) and layout.clear((gutter, level), (to_x, level))):
        top = level - HEIGHT / 2
        corners = [(x + GUTTER, y), (x + GUTTER, top - DROP), (to_x, top - DROP), (to_x, top)]
    _line(axes, RESIZED, (start, y), *corners)
    _line(axes, INSIDE, (to_x, level + HEIGHT / 2), (to_x, above), gap=GAP * joined)


def _join(axes: Axes, layout: Layout, edge: Edge) -> None:
    """Draw a line down to the one that joins all inputs, along it to the right, and up into the part."""
    (x, y), (to_x, to_y) = layout.places[edge["from"]], layout.places[edge["to"]]
    colour, sign = colour_of(layout, edge), SIGNS.get(edge["joined"])
    if x == to_x:
        return _line(axes, colour, (x, y - HEIGHT / 2), (x, layout.places["decoder.high.0"][1] + BUS), gap=GAP)
    level = y + BUS
    _line(axes, colour, (x, y + HEIGHT / 2), (x, level), (to_x, level), gap=GAP * bool(sign))
    _line(axes, colour, (to_x, level), (to_x, to_y + HEIGHT / 2))
    _label(axes, layout, edge, (x + 0.03, level + 0.05), va="top")
    if sign:
        _sign(axes, (to_x, level), sign, level)
    return None


def _half(layout: Layout, part: str) -> float:
    return layout.half(layout.parts[part])


def _label(axes: Axes, layout: Layout, edge: Edge, place: Place, va: str) -> None:
    """Write by how much the tensor on this edge is resized, if it is."""
    if edge["resized"]:
        axes.text(*place, factor(layout, edge), va=va, fontsize=6, color=colour_of(layout, edge))


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
