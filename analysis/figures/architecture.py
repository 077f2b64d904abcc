"""Figures 2 and 3, from what was recorded while the networks ran (`pipeline/complexity/architecture.py`)."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyBboxPatch

from analysis.figures import connections, style
from analysis.figures.layout import Layout, Place
from analysis.results import conditions

STAGES = ("#F4F4F4", "#E3EEF6", "#CCE0EF", "#B3D1E7")
"""Colours of a network's stages, from the first one on."""
FILLS = {"attention": "#FBE9C6", "other": "#E8DDF2", "high": "#D3EDE4", "low": "#F3E0EC"}
TITLES = {"high": "convolution", "low": "convolution", "merge": "convolution", "classify": "classifier"}
LEVEL = 0.5
"""Distance between two levels, in inches."""
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
    found = {connections.colour_of(layout, edge) for layout in layouts.values() for edge in layout.flow}
    lines = [Line2D([], [], color=colour, label=word) for colour, word in connections.KINDS.items() if colour in found]
    columns = 5 if width > style.WIDTH * 0.7 else 2
    figure.legend(handles=lines, loc="outside upper center", ncols=columns, handlelength=1.4, columnspacing=1.2)
    for artist in (each for axes in figure.axes for each in axes.get_children()):
        artist.set_clip_on(False)  # a clip's name in SVG is made of the layout's last digits, which differ by process
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
        connections.draw(axes, layout, edge)
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
    look = {"facecolor": "white", "edgecolor": connections.RESIZED, "linestyle": (0, (3, 1.5))}
    title = "up" if edge["resized"] > layout.parts[edge["from"]][1:] else "down"
    factor = connections.factor(layout, edge)
    _box(axes, layout, layout.entries[part], f"{title} {factor}" if "to" not in factor else title, shape, look)


def _box(axes: Axes, layout: Layout, place: Place, title: str, shape: list[int], look: dict[str, Any]) -> None:
    (x, y), half = place, layout.half(shape)
    look = {
        "edgecolor": connections.INSIDE,
        "linewidth": 0.7,
        "boxstyle": "round,pad=0,rounding_size=0.04",
        "zorder": 3,
    } | look
    axes.add_patch(FancyBboxPatch((x - half, y - connections.HEIGHT / 2), 2 * half, connections.HEIGHT, **look))
    channels, rows, columns = shape
    words = {"ha": "center", "va": "center", "fontsize": 6.3, "zorder": 4}
    axes.text(x, y - 0.125, title, **words, fontweight="bold")
    axes.text(x, y + 0.135, conditions.size([rows, columns, channels]), **words)
