"""What each variant gains and costs under one protocol: one panel per measure, one row per variant."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from analysis.figures import style
from analysis.results import conditions, statistics
from analysis.results.results import Results
from analysis.results.statistics import NONE, Interval
from pipeline.utils.scores import Metric

ROW = 0.24
"""Height of a row, in inches."""
WIDE = 20
"""Above this ratio of the largest to the smallest value, an axis is logarithmic."""


@dataclass(frozen=True)
class Measure:
    """A panel: the value of each variant, its range, and whether it differs from the baseline."""

    title: str
    unit: str
    values: pd.Series
    bars: dict[str, Interval]
    differs: dict[str, bool]


def draw(results: Results) -> Figure:
    """Filled markers differ from the baseline."""
    measures = [*_scores(results), _macs(results), *_times(results)]
    variants = results.study.variants
    figure = style.figure(style.WIDTH, 0.75 + ROW * len(variants), _caption(results))
    panels = figure.subplots(1, len(measures), sharey=True)
    for axes, measure in zip(panels, measures, strict=True):
        _panel(axes, results, measure)
    panels[0].set_yticks(range(len(variants)), variants)
    panels[0].set_ylim(len(variants) - 0.5, -0.5)
    return figure


def _scores(results: Results) -> list[Measure]:
    """The recorded scores that have a panel."""
    measures = []
    for metric in results.metrics:
        scores = metric.factor * results.scores[metric.name]
        if not metric.panel or scores.isna().all():
            continue
        bars = {name: statistics.over_seeds(scores.loc[name].to_numpy()) for name in results.study.variants}
        means = metric.factor * results.means[metric.name]
        measures.append(Measure(metric.panel, metric.unit, means, bars, _differing(metric, results)))
    return measures


def _differing(metric: Metric, results: Results) -> dict[str, bool]:
    """Whether each variant differs from the baseline by more than noise, after Holm's correction."""
    scores, baseline = results.scores[metric.name], results.study.baseline
    others = [name for name in results.study.variants if name != baseline]
    if metric.name == "miou":
        p = [results.differences.between(name, baseline).p for name in others]
    else:
        p = [statistics.p_over_seeds((scores.loc[name] - scores.loc[baseline]).to_numpy()) for name in others]
    adjusted = statistics.holm(np.array(p))
    return {name: bool(p < 1 - statistics.LEVEL) for name, p in zip(others, adjusted, strict=True)}


def _macs(results: Results) -> Measure:
    values = results.complexity["macs_study"] / 1e9
    return Measure("GMACs", "G", values, {}, dict.fromkeys(values.index, True))


def _times(results: Results) -> list[Measure]:
    """The first mode of every device. Bars run from the median of the fastest round to that of the slowest."""
    measures = {}
    for row in results.latency["rows"]:
        device = row["device"]
        _, mode, rows = measures.setdefault(device, (device, row["mode"], {}))
        if row["mode"] == mode:
            rows[row["variant"]] = row
    return [_time(results, device, rows) for device, _, rows in measures.values()]


def _time(results: Results, device: str, rows: dict[str, dict]) -> Measure:
    values = pd.Series({name: rows[name]["median_ms"] for name in results.study.variants})
    rounds = {name: [np.median(each) for each in rows[name]["samples_ms"]] for name in values.index}
    bars = {name: Interval(min(ms), max(ms)) for name, ms in rounds.items() if ms}
    own, size = bars.get(results.study.baseline, NONE), rows[results.study.baseline].get("size")
    apart = {
        name: rows[name].get("size") == size and not (bar.low <= own.high and own.low <= bar.high)
        for name, bar in bars.items()
    }
    return Measure("Latency", f"ms, {device}", values, bars, apart)


def _panel(axes: Axes, results: Results, measure: Measure) -> None:
    colours, markers = style.colours(results.study.variants), style.markers(results.study.variants)
    axes.axvline(measure.values[results.study.baseline], color=style.GREY, linewidth=0.8, linestyle=(0, (4, 2)))
    for place, name in enumerate(results.study.variants):
        bar = measure.bars.get(name, NONE)
        if not np.isnan(bar.low):
            axes.hlines(place, *bar, color=colours[name], linewidth=1.2, zorder=2)
        filled = measure.differs.get(name, False) or name == results.study.baseline
        look = {"facecolor": colours[name] if filled else "white", "edgecolor": colours[name], "linewidth": 1.1}
        axes.scatter(measure.values[name], place, s=32, marker=markers[name], **look, zorder=3)
    axes.set_title(measure.title)
    axes.set_xlabel(measure.unit)
    axes.margins(x=0.12)
    if measure.values.max() > WIDE * measure.values.min() > 0:
        axes.set_xscale("log")
    else:
        axes.locator_params(axis="x", nbins=3)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")


def _caption(results: Results) -> str:
    count, baseline = len(results.study.seeds), results.study.baseline
    few = "" if count >= statistics.MINIMUM_SEEDS else f" ({count} seed{'s are' if count > 1 else ' is'} too few)"
    border, smallest = results.scored["border"]["width"], results.scored["objects"]["bins"][0]["upto"]
    unstable = [row["variant"] for row in results.latency["rows"] if not row["stable"]]
    drifted = f" (not stable: {', '.join(dict.fromkeys(unstable))})" if unstable else ""
    return (
        f"The dashed line is {baseline}. Filled markers differ from it; hollow ones are within the noise. Scores are "
        f"means over the seeds with 95 % intervals (Student's t){few}. A difference of mIoU is tested over seeds and "
        "frames together, other scores over seeds; all are corrected by Holm's method. Bars of latency run from the "
        f"fastest to the slowest round; a latency differs if its bar does not overlap that of {baseline} at the "
        "same image size. mIoU at "
        f"borders counts pixels within {border} pixels of one. Small objects have an area of up to {smallest} pixels. "
        f"GMACs are exact, at {conditions.size(results.sizes['study'])}. Latency is the median of single passes: "
        f"{conditions.timing(results.latency)}, {results.latency['rows'][0]['mode']}{drifted}. "
        f"{' '.join(conditions.all_of(results))}"
    )
