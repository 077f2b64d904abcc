"""Figure 1: mIoU against MACs or latency, as measured here, and the paper's own points.

The upper panels show what was measured by one protocol, one panel per device. The lower panel shows the same points
among the paper's numbers, with an arrow from each of these to the same network as measured here.
"""

import numpy as np
import pandas as pd
import textalloc
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from analysis.figures import beside_paper, style
from analysis.results import conditions, statistics
from analysis.results.cost import Cost
from analysis.results.results import Results

CROWDED = 8
"""With more variants than this, the panel is higher."""


def against_gflops(results: Results, paper: pd.DataFrame) -> Figure:
    """mIoU against multiply-accumulates; `paper` is the result of `claims.points`."""
    return draw(results, paper, Cost.gflops(results))


def against_latency(results: Results, paper: pd.DataFrame) -> Figure:
    """mIoU against latency; `paper` is the result of `claims.points`."""
    return draw(results, paper, Cost.latency(results, [results.latency]))


def draw(results: Results, paper: pd.DataFrame, costs: list[Cost]) -> Figure:
    """One panel per cost, and below them the paper's points with the last cost."""
    heights = (3.6 if len(costs) > 1 or len(results.study.variants) > CROWDED else 2.7), 4.0
    quoted = paper.dropna(subset=costs[-1].paper)
    figure = style.figure(style.WIDTH, sum(heights), _caption(results, paper, costs))
    ours, theirs = _panels(figure, len(costs), heights)
    dots = [_study(axes, results, cost) for axes, cost in zip(ours, costs, strict=True)]
    _floor(ours, results)
    beside_paper.draw(theirs, results, quoted, costs[-1])
    for axes, cost in zip([*ours, theirs], [*costs, costs[-1]], strict=True):
        _log(axes, cost.unit)
    # Labels are placed by the final size of the axes, which the layout must not change afterwards.
    figure.canvas.draw()
    figure.set_layout_engine("none")
    for axes, cost, seeds in zip(ours, costs, dots, strict=True):
        _label(axes, results, cost, seeds)
    beside_paper.label(theirs, results, quoted, costs[-1])
    return figure


def _panels(figure: Figure, count: int, heights: tuple[float, float]) -> tuple[list[Axes], Axes]:
    rows = figure.add_gridspec(2, 1, height_ratios=heights)
    above = rows[0].subgridspec(1, count).subplots(squeeze=False, sharey=True)
    return list(above[0]), figure.add_subplot(rows[1])


def _study(axes: Axes, results: Results, cost: Cost) -> pd.DataFrame:
    """Draw the variants. Return the dots of the seeds (cost, miou), a little to the left of the interval."""
    colours, markers = style.colours(results.study.variants), style.markers(results.study.variants)
    miou = 100 * results.scores["miou"]
    aside = max(cost.values.max() / cost.values.min(), 1.2) ** 0.025
    dots = pd.DataFrame({"miou": miou[miou.index.get_level_values("variant").isin(cost.values.index)]})
    dots["cost"] = cost.values.loc[dots.index.get_level_values("variant")].to_numpy() / aside
    for name, x in cost.values.items():
        interval = statistics.over_seeds(miou.loc[name].to_numpy())
        if not np.isnan(interval.low):
            axes.vlines(x, *interval, color=colours[name], linewidth=1.2, zorder=2)
        if name in cost.ranges:
            axes.hlines(miou.loc[name].mean(), *cost.ranges[name], color=colours[name], linewidth=1.2, zorder=2)
        axes.scatter("cost", "miou", data=dots.loc[name], s=10, color=colours[name], alpha=0.4, linewidth=0, zorder=3)
        look = {"s": 40, "color": colours[name], "marker": markers[name], "edgecolor": "white", "linewidth": 0.6}
        axes.scatter(x, miou.loc[name].mean(), **look, zorder=4)
    axes.margins(x=0.18, y=0.08)
    axes.set_xscale("log")
    _front(axes, cost.comparable, 100 * results.means["miou"])
    axes.set_title(cost.title)
    axes.set_ylabel(f"mIoU, {results.study.data} {results.scored['split']} (%)")
    return dots


def front(costs: pd.Series, miou: pd.Series) -> list[str]:
    """The Pareto front, cheapest first: variants that no other one matches or beats at the same or lower cost."""
    best, kept = -np.inf, []
    for name in sorted(costs.index, key=lambda name: (costs[name], -miou[name])):
        if miou[name] > best:
            best = miou[name]
            kept.append(name)
    return kept


def _front(axes: Axes, costs: pd.Series, miou: pd.Series) -> None:
    names, limits = front(costs, miou), axes.get_xlim()
    x, y = [*costs[names], limits[1]], [*miou[names], miou[names].max()]
    axes.step(x, y, where="post", color="#C4C4C4", linewidth=1.6, zorder=1, label="Pareto front")
    axes.set_xlim(limits)


def _floor(panels: list[Axes], results: Results) -> None:
    """Draw floor and majority class as lines. Far below the variants they become numbers at the lower edge."""
    heights = {"floor": 100 * results.floor["miou"], "majority class": 100 * results.floor["majority"]["miou"]}
    lowest, highest = panels[0].get_ylim()
    room = 0.8 * (highest - lowest)
    lowest = min([lowest, *(each - 0.15 * room for each in heights.values() if each > lowest - room)])
    below = [f"{name} {height:.1f} \N{DOWNWARDS ARROW}" for name, height in heights.items() if height <= lowest]
    panels[0].set_ylim(lowest, max(highest, *(each + 0.1 * (each - lowest) for each in heights.values())))
    for axes in panels:
        _note(axes, 0, "axes fraction", ", ".join(below))
        for name, height in heights.items():
            if height > lowest:
                axes.axhline(height, color=style.GREY, linewidth=0.9, linestyle=(0, (4, 2)), zorder=1)
                _note(axes, height, ("axes fraction", "data"), name)


def _note(axes: Axes, height: float, coordinates: str | tuple[str, str], text: str) -> None:
    place = {"xy": (1, height), "xycoords": coordinates, "xytext": (0, 2), "textcoords": "offset points"}
    axes.annotate(text, **place, ha="right", va="bottom", fontsize=6.5, color=beside_paper.MUTED)


def _label(axes: Axes, results: Results, cost: Cost, dots: pd.DataFrame) -> None:
    miou, colours = 100 * results.scores["miou"], style.colours(results.study.variants)
    means = (100 * results.means["miou"])[cost.values.index]
    bars = {name: statistics.over_seeds(miou.loc[name].to_numpy()) for name in cost.values.index}
    bars = {name: bar for name, bar in bars.items() if not np.isnan(bar.low)}
    textalloc.allocate(
        axes, cost.values.tolist(), means.tolist(), [*map(cost.label, cost.values.index)],
        x_scatter=[*cost.values, *dots["cost"]], y_scatter=[*means, *dots["miou"]],
        x_lines=[*([cost.values[name]] * 2 for name in bars), *map(list, cost.ranges.values())],
        y_lines=[*map(list, bars.values()), *([means[name]] * 2 for name in cost.ranges)],
        textsize=7.5, textcolor=[colours[name] for name in cost.values.index], fontweight="bold",
        linecolor=style.GREY, linewidth=0.5, margin=0.015, min_distance=0.025, max_distance=0.35, nbr_candidates=1000,
    )  # fmt: skip


def _log(axes: Axes, unit: str) -> None:
    axes.set_xscale("log")
    axes.set_xlabel(unit)
    low, high = axes.get_xlim()
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high / low < 2e3 else (1, 3)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_minor_locator(LogLocator(subs=()))


def _caption(results: Results, paper: pd.DataFrame, costs: list[Cost]) -> str:
    count = len(results.study.seeds)
    spread = "with its 95 % interval (Student's t)"
    if count < statistics.MINIMUM_SEEDS:
        spread = f"without an interval, because {count} seed{'s are' if count > 1 else ' is'} too few for one"
    measured = (
        f"Filled markers are this study: the mean of the seeds {spread}. Faint dots are single seeds. Grey steps are "
        "the Pareto front of the means. "
        f"{' '.join(dict.fromkeys(_sentence(cost) for cost in costs))} {' '.join(conditions.all_of(results))} "
    )
    return f"{measured}{conditions.FLOOR}\n{beside_paper.caption(results, paper, costs[-1])}"


def _sentence(cost: Cost) -> str:
    ranges = " Horizontal lines run from the median of the fastest round to that of the slowest." if cost.ranges else ""
    return f"{cost.note}.{ranges}"
