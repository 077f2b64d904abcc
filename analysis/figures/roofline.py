"""The roofline: the rate that each network reaches, and the machine's limit, by MACs per byte."""

from typing import Any

import numpy as np
import textalloc
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator

from analysis.figures import style
from analysis.results import conditions


def draw(latency: dict[str, Any]) -> Figure:
    """One panel per mode with a measured limit. `latency` is the result of a latency record."""
    modes = list(dict.fromkeys(row["mode"] for row in latency["rows"] if "limit_ms" in row))
    if not modes:
        return style.figure(style.WIDTH, 0.1, "No roofline: the rates of this machine were not measured.")
    columns = min(2, len(modes))
    lines = -(-len(modes) // columns)
    figure = style.figure(style.WIDTH * (0.7 if columns == 1 else 1), 3.4 * lines, _caption(latency))
    axes = figure.subplots(lines, columns, squeeze=False).ravel()
    for each, mode in zip(axes, modes, strict=False):
        _panel(each, latency, mode)
    for each in axes[len(modes) :]:
        each.set_axis_off()
    figure.canvas.draw()
    figure.set_layout_engine("none")
    for each, mode in zip(axes, modes, strict=False):
        _label(each, latency, mode)
    return figure


def _panel(axes: Axes, latency: dict[str, Any], mode: str) -> None:
    rows = _rows(latency, mode)
    bandwidth, rate = _rates(latency, rows[0]["dtype"])
    ridge = rate / bandwidth
    intensities = [_intensity(row) for row in rows]
    left, right = min([*intensities, ridge]) / 3, max([*intensities, ridge]) * 3
    axes.plot([left, ridge, right], [bandwidth * left / 1e9, rate / 1e9, rate / 1e9], color="#404040", linewidth=1.2)
    names = list(dict.fromkeys(row["variant"] for row in latency["rows"]))
    colours, markers = style.colours(names), style.markers(names)
    for row in rows:
        look = {"color": colours[row["variant"]], "marker": markers[row["variant"]], "edgecolor": "white"}
        axes.scatter(_intensity(row), _reached(row), s=36, linewidth=0.6, zorder=3, **look)
    axes.set(xscale="log", yscale="log", xlim=(left, right))
    axes.set_ylim(min(map(_reached, rows)) / 2.5, max([rate / 1e9, *map(_reached, rows)]) * 1.8)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_locator(LogLocator(subs=()))
    axes.set_title(f"{mode}, {rows[0]['device']}")
    axes.set_xlabel("MACs per byte")
    axes.set_ylabel("GMAC/s")
    note = {"fontsize": 6.5, "color": "#404040", "xytext": (-2, 3), "textcoords": "offset points", "ha": "right"}
    axes.annotate(f"matrix products: {rate / 1e9:.3g} GMAC/s", (right, rate / 1e9), **note)


def _label(axes: Axes, latency: dict[str, Any], mode: str) -> None:
    rows = _rows(latency, mode)
    bandwidth, rate = _rates(latency, rows[0]["dtype"])
    left, low = axes.get_xlim()[0], axes.get_ylim()[0]
    start = max(left, low * 1e9 / bandwidth)
    ends = np.log10([start, rate / bandwidth, bandwidth * start, rate])
    places = axes.transData.transform([(start, bandwidth * start / 1e9), (rate / bandwidth, rate / 1e9)])
    angle = np.degrees(np.arctan2(*(places[1] - places[0])[::-1]))
    middle = 10 ** ((ends[0] + ends[1]) / 2)
    look = {"rotation": angle, "rotation_mode": "anchor", "fontsize": 6.5, "color": "#404040", "ha": "center"}
    axes.text(middle, bandwidth * middle / 1e9 * 1.12, f"copies: {bandwidth / 1e9:.3g} GB/s", va="bottom", **look)
    xs, ys = [_intensity(row) for row in rows], [_reached(row) for row in rows]
    colours = style.colours(list(dict.fromkeys(row["variant"] for row in latency["rows"])))
    textalloc.allocate(
        axes, xs, ys, [f"{row['variant']} {row['limit_ms'] / row['median_ms']:.0%}" for row in rows],
        x_scatter=xs, y_scatter=ys, textsize=7, textcolor=[colours[row["variant"]] for row in rows],
        x_lines=[[start, rate / bandwidth, axes.get_xlim()[1]]], linecolor=style.GREY, linewidth=0.5,
        y_lines=[[bandwidth * start / 1e9, rate / 1e9, rate / 1e9]], nbr_candidates=500, max_distance=0.4,
    )  # fmt: skip


def _rows(latency: dict[str, Any], mode: str) -> list[dict[str, Any]]:
    return [row for row in latency["rows"] if row["mode"] == mode and "limit_ms" in row]


def _rates(latency: dict[str, Any], dtype: str) -> tuple[float, float]:
    """Bytes per second and MACs per second."""
    rates = {(each["kind"], each["dtype"]): each["per_second"] for each in latency["ceilings"]}
    return next(rate for (kind, _), rate in rates.items() if kind == "copy"), rates["product", dtype]


def _intensity(row: dict[str, Any]) -> float:
    return row["macs"] / row["bytes"]


def _reached(row: dict[str, Any]) -> float:
    """GMACs per second."""
    return row["macs"] / row["median_ms"] / 1e6


def _caption(latency: dict[str, Any]) -> str:
    return (
        f"Rates come from medians of single passes: {conditions.timing(latency)}. Percentages are the share of its "
        "limit that a network reaches: its height divided by that of the line above it. "
        f"{conditions.ceilings(latency)}"
    )
