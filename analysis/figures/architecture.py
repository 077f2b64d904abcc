"""Figures 2 and 3, from what was recorded while the networks ran (`pipeline/complexity/architecture.py`)."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyBboxPatch

from analysis.figures import style
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
STAGES = ("#F4F4F4", "#E3EEF6", "#CCE0EF", "#B3D1E7")
"""Colours of a network's stages, from the first one on."""
FILLS = {"attention": "#FBE9C6", "other": "#E8DDF2", "high": "#D3EDE4", "low": "#F3E0EC"}
TITLES = {"high": "convolution", "low": "convolution", "merge": "convolution", "classify": "classifier"}
SIGNS = {"concat": "C", "sum": "+", "mul": "\u00d7"}
OTHER = "*"
"""The sign of any other operation."""
LEVEL = 0.5
"""Distance between two levels, in inches."""
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


MARGINS = 0.48, 0.4
"""Columns to the left of the first one's middle and to the right of the last one's."""
LARGEST = 1.85
"""Largest width of a column, in inches."""
ROW = 7.0
"""Columns, with their margins, that fit side by side."""


def draw(described: dict[str, dict[str, Any]]) -> Figure:
    """One panel for each of `described`, results of `pipeline.complexity.architecture.describe` by variant."""
    layouts = {name: Layout(each) for name, each in described.items()}
    rows = _rows({name: layout.columns + sum(MARGINS) for name, layout in layouts.items()})
    heights = [max(layouts[name].bottom - layouts[name].top for name in row) for row in rows]
    widest = max(sum(row.values()) for row in rows)
    width = max(min(style.WIDTH, LARGEST * widest), style.WIDTH / 2)
    figure = style.figure(width, LEVEL * sum(heights) + 0.3 * (1 + len(rows)), _caption(described))
    grid = figure.add_gridspec(len(rows), 1, height_ratios=heights)
    for index, row in enumerate(rows):
        rest = max(widest - sum(row.values()), 0.001)
        panels = grid[index].subgridspec(1, len(row) + 1, width_ratios=[*row.values(), rest], wspace=0)
        for place, name in enumerate(row):
            axes = figure.add_subplot(panels[place])
            axes.set_title(f"{name}: structure {described[name]['variant']['structure']}", fontsize=7.5)
            _panel(axes, layouts[name], heights[index], described[name]["variant"]["attention"])
    found = {_colour(layout, edge) for layout in layouts.values() for edge in layout.flow}
    lines = [Line2D([], [], color=colour, label=word) for colour, word in KINDS.items() if colour in found]
    columns = 5 if width > style.WIDTH * 0.7 else 2
    figure.legend(handles=lines, loc="outside upper center", ncols=columns, handlelength=1.4, columnspacing=1.2)
    return figure


def _rows(widths: dict[str, float]) -> list[dict[str, float]]:
    """Fill rows from left to right with panels of these widths."""
    rows: list[dict[str, float]] = [{}]
    for name, width in widths.items():
        if rows[-1] and sum(rows[-1].values()) + width > ROW:
            rows.append({})
        rows[-1][name] = width
    return rows


def _panel(axes: Axes, layout: Layout, height: float, attention: str) -> None:
    axes.set(xlim=(-MARGINS[0], layout.columns + MARGINS[1]), ylim=(layout.top + height, layout.top))
    axes.set_axis_off()
    for part in layout.places:
        _part(axes, layout, part, attention)
    for part in layout.entries:
        _entry(axes, layout, part)
    for edge in layout.flow:
        _edge(axes, layout, edge)
    for index in range(layout.columns):
        level = min(y for x, y in layout.taken() if x == index)
        axes.text(index, level - 0.42, f"network {index + 1}", ha="center", va="bottom", fontweight="bold")


def _caption(described: dict[str, dict[str, Any]]) -> str:
    sizes = list(dict.fromkeys(conditions.size(each["size"]) for each in described.values()))
    return (
        f"{', '.join(described)} for an input of {', '.join(sizes)}, drawn from what was recorded while each network "
        "ran. The paper's Figure 2 shows structures a to d, and its Figure 3 DFANet A at 1024x1024. Each box gives the "
        "shape of its output as rows x columns x channels; each level down halves the resolution. Signs join inputs: C "
        "concatenates channels, + adds, \u00d7 multiplies, * is another operation. x4: bilinear upsampling by 4."
    )


def _colour(layout: Layout, edge: Edge) -> str:
    for path, colour in ((".high.", HIGH), (".low.", LOW)):
        if path in edge["from"] + edge["to"]:
            return colour
    inside = layout.places[edge["from"]][0] == layout.places[edge["to"]][0] or edge["to"].startswith("decoder.")
    return INSIDE if inside else RESIZED if edge["resized"] else REUSED


def _part(axes: Axes, layout: Layout, part: str, attention: str) -> None:
    kind = _kind(part)
    stages = [each.split(".")[-1] for each in layout.parts if each.startswith("networks.0.")]
    fill = FILLS.get(kind) or (STAGES[min(stages.index(kind), 3)] if kind in stages else STAGES[0])
    titles = TITLES | {"attention": f"{attention.split('-')[0].upper()} attention", "other": part}
    _box(axes, layout, layout.places[part], titles.get(kind, kind), layout.parts[part], {"facecolor": fill})


def _kind(part: str) -> str:
    room, *words = part.split(".")
    if room == "networks":
        return words[-1]
    if room == "decoder":
        return words[0]
    return room if room in ("image", "scores") else "other"


def _entry(axes: Axes, layout: Layout, part: str) -> None:
    """Draw the resized input of a network, which is not the output of a part."""
    edge = layout.resized[part]
    shape = [layout.parts[edge["from"]][0], *edge["resized"]]
    look = {"facecolor": "white", "edgecolor": RESIZED, "linestyle": (0, (3, 1.5))}
    title = "up" if edge["resized"] > layout.parts[edge["from"]][1:] else "down"
    factor = _factor(layout, edge)
    _box(axes, layout, layout.entries[part], f"{title} {factor}" if "to" not in factor else title, shape, look)


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
    if not exact:
        return f"to {conditions.size(edge['resized'])}"
    return f"x{factor:g}" if factor >= 1 else f"x1/{1 / factor:g}"


def _edge(axes: Axes, layout: Layout, edge: Edge) -> None:
    source, target, colour = edge["from"], edge["to"], _colour(layout, edge)
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
    low, level, colour = y + ASIDE, above - DROP * (not joined), _colour(layout, edge)
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
    colour, sign = _colour(layout, edge), SIGNS.get(edge["joined"])
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
        axes.text(*place, _factor(layout, edge), va=va, fontsize=6, color=_colour(layout, edge))


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
