"""The paper's own points (hollow and grey), this study's points, and arrows between the same networks."""

import numpy as np
import pandas as pd
import textalloc
from matplotlib.axes import Axes

from analysis.figures import style
from analysis.results.cost import Cost
from analysis.results.results import Results

SPLITS = {"val": ("o", "Tables 2 to 4: Cityscapes val"), "test": ("s", "Table 5: Cityscapes test")}
MUTED = "#606060"
DATA = "cityscapes"
"""The data of the paper's Tables 2 to 5. An arrow from there to other data would compare nothing."""


def draw(axes: Axes, results: Results, paper: pd.DataFrame, cost: Cost) -> None:
    """Draw the panel; `paper` holds the rows of `analysis.claims.claims.points` that have this cost."""
    axes.set_facecolor("#F7F7F7")
    axes.grid(color="white")
    for split, rows in paper.groupby("split", sort=False):
        marker, label = SPLITS[split]
        look = {"s": 18, "marker": marker, "facecolor": "none", "edgecolor": style.GREY, "linewidth": 0.8}
        axes.scatter(cost.paper, "miou", data=rows, **look, label=label, zorder=3)
    colours, markers = style.colours(results.study.variants), style.markers(results.study.variants)
    for name, x in cost.values.items():
        look = {"s": 20, "color": colours[name], "marker": markers[name], "edgecolor": "white", "linewidth": 0.4}
        axes.scatter(x, 100 * results.means["miou"][name], **look, zorder=4)
    for name, quoted in twins(results, paper).iterrows():
        if name in cost.values:
            end = cost.values[name], 100 * results.means["miou"][name]
            arrow = {"arrowstyle": "-|>,head_width=0.15,head_length=0.3", "color": colours[name], "linewidth": 0.8}
            arrow |= {"shrinkA": 2.5, "shrinkB": 2.5, "alpha": 0.75}
            axes.annotate("", end, (quoted[cost.paper], quoted["miou"]), arrowprops=arrow, zorder=2)
    axes.margins(x=0.12, y=0.06)
    axes.set_title(f"With the paper's own numbers: {cost.title}", color=MUTED)
    axes.set_ylabel("mIoU (%), data: see below", color=MUTED)
    axes.legend(loc="lower right", fontsize=6.5, labelcolor=MUTED)
    axes.tick_params(colors=MUTED)
    axes.xaxis.label.set_color(MUTED)


def twins(results: Results, paper: pd.DataFrame) -> pd.DataFrame:
    """The paper's row of each variant measured on the paper's data. If it has two, the one of the scored split."""
    rows = paper[paper["variant"].isin(results.study.variants) & (results.study.data == DATA)]
    rows = rows.assign(other=rows["split"] != results.scored["split"]).sort_values("other", kind="stable")
    return rows.drop_duplicates("variant").set_index("variant")


def label(axes: Axes, results: Results, paper: pd.DataFrame, cost: Cost) -> None:
    """Name the paper's points. This study's points have the colours and markers of the upper panel."""
    # Labels are placed greedily, so points with the most neighbours on this logarithmic axis go first.
    places = np.column_stack([np.log10(paper[cost.paper]), paper["miou"] / 10])
    neighbours = (np.linalg.norm(places[:, None] - places, axis=-1) < 0.5).sum(0)
    paper = paper.assign(neighbours=neighbours).sort_values("neighbours", ascending=False, kind="stable")
    means = 100 * results.means["miou"][cost.values.index]
    arrows = [
        ([row[cost.paper], cost.values[name]], [row["miou"], means[name]])
        for name, row in twins(results, paper).iterrows()
        if name in cost.values
    ]
    textalloc.allocate(
        axes, paper[cost.paper].tolist(), paper["miou"].tolist(),
        paper["model"].str.replace(r"^Backbone (?=\w x)", "", regex=True).tolist(),
        x_scatter=[*paper[cost.paper], *cost.values], y_scatter=[*paper["miou"], *means],
        x_lines=[x for x, _ in arrows], y_lines=[y for _, y in arrows], textsize=6, textcolor="#505050",
        linecolor="#B0B0B0", linewidth=0.4, nbr_candidates=1500, max_distance=0.3,
    )  # fmt: skip


def caption(results: Results, paper: pd.DataFrame, cost: Cost) -> str:
    """Explain the hollow points and the arrows."""
    found = twins(results, paper.dropna(subset=cost.paper))
    arrows = (
        f"Arrows lead from the paper's number to this study's for the same network ({', '.join(found.index)}). "
        if len(found)
        else ""
    )
    if cost.paper == "gmacs":
        without = ", ".join(paper[paper["gmacs"].isna()]["model"])
        column = f"The paper's FLOPs of SegNet and ENet look like twice their MACs. It prints none for {without}."
    else:
        column = "The paper's times come from a Titan X with the software of 2017, or are quoted from other machines."
    return (
        "Hollow markers are single numbers printed in the paper, for Cityscapes at 1024x1024 (Table 5: at the sizes "
        f"that it names); they do not follow this study's protocol. {arrows}Data, input size and training differ as "
        "stated above, so the length of an arrow is not an error of either number. "
        f"A x2 stands for the paper's Backbone A x2, and so on. {column}"
    )
