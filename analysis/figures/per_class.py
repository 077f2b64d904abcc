"""IoU by class and variant, with each class's share of the pixels."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures import style
from analysis.results import conditions
from analysis.results.results import Results
from pipeline.utils.text import drawn


def draw(results: Results) -> Figure:
    """Classes from frequent to rare. Markers are means over the seeds, lines their range."""
    order = results.class_share.sort_values(ascending=False, kind="stable")
    caption = (
        "Classes with their share of the scored pixels. Markers are means over the seeds; lines run from the lowest to "
        "the highest seed. Crosses are the floor, a classifier that sees only the colour and position of each pixel. A "
        f"class without a marker is absent. {' '.join(conditions.all_of(results))}"
    )
    row = max(0.3, 0.055 * (len(results.study.variants) + 1))
    figure = style.figure(style.WIDTH, 0.8 + row * len(order), caption)
    axes = figure.subplots()
    _iou(axes, results, order.index.tolist())
    axes.set_yticks(range(len(order)), [f"{drawn(name)}  {100 * share:.2g} %" for name, share in order.items()])
    axes.set_ylim(len(order) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper right", ncols=len(results.study.variants) + 1)
    return figure


def _iou(axes: Axes, results: Results, order: list[str]) -> None:
    variants = results.study.variants
    colours, markers = style.colours(variants), style.markers(variants)
    offsets = np.linspace(-0.36, 0.36, len(variants)) if len(variants) > 1 else [0.0]
    places = np.arange(len(order))
    for name, offset in zip(variants, offsets, strict=True):
        by_seed = 100 * results.iou.loc[name][order]
        axes.hlines(places + offset, by_seed.min(), by_seed.max(), color=colours[name], linewidth=1)
        look = {"s": 14, "color": colours[name], "marker": markers[name], "linewidth": 0}
        axes.scatter(by_seed.mean(), places + offset, **look, label=name)
    floor = 100 * pd.Series(results.floor["iou"], dtype=float)[order]
    axes.scatter(floor, places, s=26, color=style.GREY, marker="x", linewidth=1.2, label="floor", zorder=1)
    for place in places[:-1]:
        axes.axhline(place + 0.5, color="#E6E6E6", linewidth=0.6, zorder=0)
    axes.grid(visible=False, axis="y")
    axes.set_xlim(left=0)
    axes.set_xlabel(f"IoU, {results.study.data} {results.scored['split']} (%)")
