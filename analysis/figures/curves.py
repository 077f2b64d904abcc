"""Training loss and pixel accuracy of all variants by epoch."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from analysis.figures import style
from analysis.results import conditions
from analysis.results.results import Results

PANELS = {"loss": ("Training loss ({loss})", 1), "accuracy": ("Training pixel accuracy (%)", 100)}


def draw(results: Results) -> Figure:
    """Lines are means over the seeds, bands run from the lowest to the highest seed."""
    caption = (
        "Lines are means over the seeds; bands run from the lowest to the highest seed. Loss and accuracy are measured "
        f"on the training crops, not on the scored split. {conditions.sentence(results)}"
    )
    figure = style.figure(style.WIDTH, 2.9, caption)
    for axes, (column, (title, factor)) in zip(figure.subplots(1, len(PANELS)), PANELS.items(), strict=True):
        _panel(axes, results, column, factor)
        axes.set_title(title.format(loss=results.loss))
    figure.axes[1].legend(loc="lower right", fontsize=6.5, handlelength=1.4, labelspacing=0.3)
    return figure


def _panel(axes: Axes, results: Results, column: str, factor: float) -> None:
    colours, markers = style.colours(results.study.variants), style.markers(results.study.variants)
    for name, rows in results.curves.groupby("variant", sort=False):
        by_epoch = factor * rows.groupby("epoch")[column].agg(["mean", "min", "max"])
        look = {"color": colours[name], "marker": markers[name], "markersize": 3, "linewidth": 1.2}
        axes.plot(by_epoch["mean"], **look, markevery=max(1, len(by_epoch) // 8), label=name)
        axes.fill_between(
            by_epoch.index, by_epoch["min"], by_epoch["max"], color=colours[name], alpha=0.15, linewidth=0
        )
    axes.set_xlabel("Epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
