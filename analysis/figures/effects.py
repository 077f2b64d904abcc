"""Effects as a forest plot: one row per contrast of the study, the paper's difference beside the measured one."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.claims.effects import ALONE, HIGHER, LOWER, OPPOSITE, SAME
from analysis.figures import style
from analysis.results import conditions
from analysis.results.results import Results

ROW = 0.34
"""Height of a row, in inches."""
COLOURS = {SAME: "#0072B2", OPPOSITE: "#D55E00", HIGHER: "#000000", LOWER: "#000000"}
"""By verdict; every other verdict is grey."""
PAPER = "#CC79A7"


def draw(results: Results, effects: pd.DataFrame) -> Figure:
    """`effects` is the result of `analysis.claims.effects.judged`."""
    if effects.empty:
        return style.figure(style.WIDTH, 0.3, ALONE)
    figure = style.figure(style.WIDTH, 0.7 + ROW * len(effects), _caption(results, effects))
    axes, rows = figure.subplots(), effects.to_dict("records")
    for place, row in enumerate(rows):
        _row(axes, place, row)
    axes.axvline(0, color="black", linewidth=0.8, zorder=1)
    margin = results.study.smallest_effect
    axes.axvspan(-margin, margin, color=style.GREY, alpha=0.12, linewidth=0, zorder=0)
    axes.set_yticks(range(len(rows)), [*map(_name, rows)])
    axes.set_ylim(len(effects) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(f"Difference in mIoU (points), {results.study.data} {results.scored['split']}")
    right = axes.secondary_yaxis("right")
    right.set_yticks(range(len(rows)), [*map(_outcome, rows)])
    right.tick_params(length=0)
    right.spines["right"].set_visible(False)
    return figure


def _row(axes: Axes, place: int, row: dict) -> None:
    colour = COLOURS.get(row["verdict"], style.GREY)
    if not np.isnan(row["low"]):
        axes.hlines(place, row["low"], row["high"], color=colour, linewidth=1.6, zorder=2)
    seeds = [value for key, value in row.items() if key.startswith("seed_")]
    axes.scatter(seeds, [place + 0.22] * len(seeds), s=7, color=colour, alpha=0.5, linewidth=0, zorder=2)
    axes.scatter(row["difference"], place, s=34, color=colour, edgecolor="white", linewidth=0.6, zorder=4)
    if not np.isnan(row["paper"]):
        axes.scatter(row["paper"], place, s=30, marker="D", facecolor="white", edgecolor=PAPER, linewidth=1.2, zorder=3)


def _name(row: dict) -> str:
    source = f"\n{row['source']}" if row["source"] else ""
    return f"{row['effect']}{source}"


def _outcome(row: dict) -> str:
    """The verdict and what the effect costs, as ratios."""
    macs, parameters = (row[f"{key}_variant"] / row[f"{key}_reference"] for key in ("macs_study", "parameters"))
    return f"{row['verdict']}\nMACs x{macs:.2f}, parameters x{parameters:.2f}"


def _caption(results: Results, effects: pd.DataFrame) -> str:
    printed = effects["paper"].notna().any()
    paper = "Diamonds are the differences in the paper's tables, on Cityscapes. " if printed else ""
    margin = conditions.in_points(results.study.smallest_effect)
    return (
        f"{results.study.question} Each row is the difference in mIoU of two variants, paired by seed and frame. "
        "Lines are 95 % intervals over seeds and frames together; small dots are single seeds. "
        f"{paper}The band holds differences below {margin}, the smallest of interest. "
        f"{conditions.inference(results)} {' '.join(conditions.all_of(results))}"
    ).strip()
