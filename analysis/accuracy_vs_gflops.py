"""mIoU against GFLOPs: this study's variants, and beside them the paper's own points, which nobody is to mistake.

They are two panels with axes of their own: mIoU on one data set and size says nothing of the height on another.
"""

import numpy as np
import pandas as pd
import textalloc
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator

from analysis import conditions, statistics, style
from analysis.results import Results

UNIT = "GFLOPs (multiply-accumulates)"
SPLITS = {"val": ("o", "Tables 2 to 4: Cityscapes val"), "test": ("s", "Table 5: Cityscapes test")}
MUTED = "#606060"


def draw(results: Results, paper: pd.DataFrame) -> Figure:
    """Left this study at its own input size, right the paper; `paper` is what `analysis.claims.points` returns."""
    figure = style.figure(style.WIDTH, 4.4, _caption(results, paper))
    ours, theirs = figure.subplots(1, 2, width_ratios=[1, 1.7])
    plotted = paper.dropna(subset="gmacs")
    dots = _study(ours, results)
    _paper(theirs, plotted)
    # Labels are placed by the axes' final size, which the layout must not change again.
    figure.canvas.draw()
    figure.set_layout_engine("none")
    _label_study(ours, results, dots)
    _label_paper(theirs, plotted)
    return figure


def _study(axes: Axes, results: Results) -> pd.DataFrame:
    """Draw; return the seeds' dots (gmacs, miou), which stand a little to the left of their interval."""
    colours, markers = style.colours(results.study.variants), style.markers(results.study.variants)
    gmacs, miou = _gmacs(results), 100 * results.scores["miou"]
    aside = (gmacs.max() / gmacs.min()) ** 0.025
    dots = pd.DataFrame({"gmacs": gmacs.loc[miou.index.get_level_values("variant")].to_numpy() / aside, "miou": miou})
    for name, x in gmacs.items():
        interval = statistics.over_seeds(miou.loc[name].to_numpy())
        if not np.isnan(interval.low):
            axes.vlines(x, *interval, color=colours[name], linewidth=1.4, zorder=2)
        axes.scatter("gmacs", "miou", data=dots.loc[name], s=10, color=colours[name], alpha=0.45, linewidth=0, zorder=3)
        look = {"s": 42, "color": colours[name], "marker": markers[name], "edgecolor": "white", "linewidth": 0.6}
        axes.scatter(x, miou.loc[name].mean(), **look, zorder=4)
    _line(axes, 100 * results.floor["miou"], "floor: colour and position")
    axes.margins(x=0.18)
    _majority(axes, 100 * results.floor["majority"]["miou"])
    axes.set_title(f"This study: {results.study.data}, {conditions.size(results.sizes['study'])}")
    axes.set_ylabel(f"mIoU, {results.study.data} {results.scored['split']} (%)")
    _log(axes)
    return dots


def _line(axes: Axes, height: float, text: str) -> None:
    axes.axhline(height, color=style.GREY, linewidth=0.9, linestyle=(0, (4, 2)), zorder=1)
    _note(axes, height, ("axes fraction", "data"), text)


def _majority(axes: Axes, miou: float) -> None:
    """A line where it is in sight; else its number at the lower edge, so that the variants keep the axis."""
    if miou > axes.get_ylim()[0]:
        _line(axes, miou, "majority class")
    else:
        _note(axes, 0, "axes fraction", f"majority class: {miou:.1f} \N{DOWNWARDS ARROW}")


def _note(axes: Axes, height: float, coordinates: str | tuple[str, str], text: str) -> None:
    place = {"xy": (1, height), "xycoords": coordinates, "xytext": (0, 2), "textcoords": "offset points"}
    axes.annotate(text, **place, ha="right", va="bottom", fontsize=6.5, color=MUTED)


def _paper(axes: Axes, paper: pd.DataFrame) -> None:
    axes.set_facecolor("#F7F7F7")
    axes.grid(color="white")
    for split, rows in paper.groupby("split", sort=False):
        marker, label = SPLITS[split]
        look = {"s": 20, "marker": marker, "facecolor": "none", "edgecolor": style.GREY, "linewidth": 0.9}
        axes.scatter("gmacs", "miou", data=rows, **look, label=label)
    axes.margins(x=0.1, y=0.06)
    axes.set_title("The paper's own numbers: Cityscapes", color=MUTED)
    axes.set_ylabel("mIoU, Cityscapes (%)", color=MUTED)
    axes.legend(loc="lower right", fontsize=6.5, labelcolor=MUTED)
    axes.tick_params(colors=MUTED)
    _log(axes)
    axes.xaxis.label.set_color(MUTED)


def _label_study(axes: Axes, results: Results, dots: pd.DataFrame) -> None:
    gmacs, miou, colours = _gmacs(results), 100 * results.scores["miou"], style.colours(results.study.variants)
    bars = {name: statistics.over_seeds(miou.loc[name].to_numpy()) for name in gmacs.index}
    bars = {name: bar for name, bar in bars.items() if not np.isnan(bar.low)}
    textalloc.allocate(
        axes, gmacs.tolist(), (100 * results.means["miou"]).tolist(), gmacs.index.tolist(),
        x_scatter=[*gmacs, *dots["gmacs"]], y_scatter=[*(100 * results.means["miou"]), *dots["miou"]],
        x_lines=[[gmacs[name]] * 2 for name in bars], y_lines=[list(bar) for bar in bars.values()],
        textsize=8, textcolor=[colours[name] for name in gmacs.index], fontweight="bold", linecolor=style.GREY,
        linewidth=0.5, margin=0.02, min_distance=0.03,
    )  # fmt: skip


def _label_paper(axes: Axes, paper: pd.DataFrame) -> None:
    # Placing is greedy: whoever has the most neighbours on this logarithmic axis goes first.
    places = np.column_stack([np.log10(paper["gmacs"]), paper["miou"] / 10])
    neighbours = (np.linalg.norm(places[:, None] - places, axis=-1) < 0.5).sum(0)
    paper = paper.assign(neighbours=neighbours).sort_values("neighbours", ascending=False, kind="stable")
    textalloc.allocate(
        axes, paper["gmacs"].tolist(), paper["miou"].tolist(),
        paper["model"].str.replace(r"^Backbone (?=\w x)", "", regex=True).tolist(),
        x_scatter=paper["gmacs"].tolist(), y_scatter=paper["miou"].tolist(), textsize=6, textcolor="#505050",
        linecolor="#B0B0B0", linewidth=0.4, nbr_candidates=1000, max_distance=0.3,
    )  # fmt: skip


def _gmacs(results: Results) -> pd.Series:
    return results.complexity["macs_study"] / 1e9


def _log(axes: Axes) -> None:
    axes.set_xscale("log")
    axes.set_xlabel(UNIT)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(LogLocator(subs=()))


def _caption(results: Results, paper: pd.DataFrame) -> str:
    count = len(results.study.seeds)
    spread = "with 95 % interval (Student's t)"
    if count < statistics.MINIMUM_SEEDS:
        spread = f"without interval, for which {count} {'are' if count > 1 else 'is'} too few"
    without = ", ".join(paper[paper["gmacs"].isna()]["model"])
    return (
        f"Left, filled: this study, mean of the seeds (faint dots) {spread}. {' '.join(conditions.all_of(results))} "
        f"{conditions.FLOOR}\n"
        "Right, hollow: as printed in the paper, one number each; other data, other sizes (its own networks at "
        "1024x1024, the rest as in its Table 5), other training, no common protocol. A x2 is its Backbone A x2, and so "
        "on; SegNet's and ENet's FLOPs look like twice their multiply-accumulates; it gives none for "
        f"{without}. Heights of the two panels cannot be compared."
    )
