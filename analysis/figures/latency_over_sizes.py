"""Latency over image sizes: milliseconds, and the ratio to one network at the same size."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter, NullLocator

from analysis.figures import style
from analysis.results import conditions, latency, over_sizes
from analysis.results.results import Results


def draw(results: Results) -> Figure:
    """One row of two panels per mode. A study that names no `timed_over` gets a sentence."""
    timed, base = results.latency, latency.baseline(results.latency, results.study.baseline)
    rows = over_sizes.frame(timed, base)
    if rows.empty:
        return style.figure(style.WIDTH, 0.1, "Not timed over sizes: the study names none in `timed_over`.")
    modes = rows["mode"].unique()
    figure = style.figure(style.WIDTH, 3.1 * len(modes), _caption(timed, rows, base))
    for (times, ratios), mode in zip(figure.subplots(len(modes), 2, squeeze=False), modes, strict=True):
        of_mode = rows[rows["mode"] == mode]
        _panel(times, of_mode, "median_ms", "fastest_ms", "slowest_ms")
        times.set(title=f"{mode}, {of_mode['device'].iloc[0]}", ylabel="ms per image")
        _panel(ratios, of_mode, "ratio", "ratio_low", "ratio_high")
        ratios.axhline(1, color=style.GREY, linewidth=0.8, linestyle=(0, (4, 2)), zorder=1)
        ratios.set(title=f"Time / {base}", ylabel=f"slower than {base}  \N{RIGHTWARDS ARROW}")
        times.legend(fontsize=6.5, loc="upper left", handlelength=1.4, labelspacing=0.3)
    return figure


def _panel(axes: Axes, rows: pd.DataFrame, value: str, low: str, high: str) -> None:
    names = list(dict.fromkeys(rows["variant"]))
    colours, markers = style.colours(names), style.markers(names)
    for name, line in rows.sort_values("pixels").groupby("variant", sort=False):
        axes.plot(line["pixels"], line[value], color=colours[name], linewidth=1.1, zorder=2, label=name)
        axes.vlines(line["pixels"], line[low], line[high], color=colours[name], linewidth=1.1, zorder=2)
        for stable, points in line.groupby("stable"):
            face = colours[name] if stable else "white"
            look = {"marker": markers[name], "facecolor": face, "edgecolor": colours[name], "linewidth": 1}
            axes.scatter(points["pixels"], points[value], s=22, zorder=3, **look)
    sizes = rows.drop_duplicates("pixels")
    axes.set(xscale="log", yscale="log", xlabel="image, rows x columns")
    axes.xaxis.set_major_locator(FixedLocator(sizes["pixels"].tolist()))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(sizes["pixels"].tolist(), sizes["size"].tolist())
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda number, _: f"{number:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _caption(timed: dict[str, Any], rows: pd.DataFrame, base: str) -> str:
    unstable = "" if rows["stable"].all() else "Hollow markers are unstable: the halves of the record differ too much. "
    return (
        "Bars on the left run from the median of the fastest round to that of the slowest. Ratios compare equal images "
        "and are paired by round; their bars are 95 % intervals. Below the dashed line a network is faster than "
        f"{base}. "
        f"{unstable}Batch {timed['batch']}, {conditions.threads(timed['device']['threads'])}, "
        f"{timed['device']['name']}."
    )
