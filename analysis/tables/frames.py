"""Data frames of the accuracy table (one row per run) and the structures table (one row per variant)."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis.results import statistics
from analysis.results.results import Results
from analysis.results.statistics import NONE, Interval
from pipeline.utils.scores import ACCURACY, Metric

if TYPE_CHECKING:
    from pipeline.config.study import Study


def accuracy(results: Results) -> pd.DataFrame:
    """One row per run, then the floor and the majority class: scores, number of absent classes, IoU by class."""
    leading = results.scores[[*_by_run(results), "absent"]].astype({"absent": int})
    runs = leading.join(results.iou).reset_index().rename(columns={"variant": "model"})
    table = pd.concat([runs, pd.DataFrame([_floor(results), _majority(results)])], ignore_index=True)
    table["seed"] = table["seed"].astype("Int64")
    above = table["model"].map(lambda name: name not in results.undertrained)
    table.insert(2, "above_floor", above.where(table["model"].isin(results.study.variants), None))
    table.insert(3, "healthy", table["model"].map(results.healthy))
    return table


def structures(results: Results) -> pd.DataFrame:
    """One row per variant: mIoU by seed, difference to the baseline with both intervals, cost, latency and verdict.

    A difference has to hold over seeds and over images: `p` is the larger of the two p-values, and `p_holm` is adjusted
    for the number of variants compared. `detectable_*` is the smallest difference that would have been found.
    """
    table = pd.DataFrame([_structure(results, name) for name in results.study.variants])
    table["p_holm"] = statistics.holm(table["p"].to_numpy())
    table["verdict"] = [_verdict(results.study, row) for row in table.to_dict("records")]
    return table


def latency_column(row: dict[str, Any]) -> str:
    """The column of a timed mode and device: `ms_MODE_on_DEVICE`."""
    return f"ms_{row['mode']} on {row['device']}".replace(" ", "_")


def _structure(results: Results, name: str) -> dict[str, Any]:
    miou = results.scores.loc[name, "miou"]
    row: dict[str, Any] = {"variant": name} | {f"miou_seed_{seed}": value for seed, value in miou.items()}
    row |= {"miou": miou.mean(), "miou_sd": miou.std(ddof=1)}
    row |= _bounds("miou_seeds", statistics.over_seeds(miou.to_numpy()))
    row |= {**_bounds("miou_images", statistics.over_images(results.confusion[name])), **_difference(results, name)}
    row["above_floor"] = name not in results.undertrained
    row["healthy"] = results.healthy.get(name)
    row |= results.means.loc[name, [each.name for each in results.metrics if each.name not in row]].to_dict()
    row |= results.complexity.loc[name].to_dict()
    for timed in results.latency["rows"]:
        if timed["variant"] == name:
            row |= {latency_column(timed): timed["median_ms"], f"{latency_column(timed)}_stable": timed["stable"]}
    return row


def _difference(results: Results, name: str) -> dict[str, Any]:
    baseline = results.study.baseline
    if name == baseline:
        return {"difference": 0.0, **_compared(NONE, NONE)}
    paired = (results.scores.loc[name, "miou"] - results.scores.loc[baseline, "miou"]).to_numpy()
    images, error = statistics.bootstrap(results.confusion[name], results.confusion[baseline])
    p = [statistics.p_over_seeds(paired), statistics.p_over_images(paired.mean(), error)]
    detectable = statistics.detectable_over_seeds(paired), statistics.detectable_over_images(error)
    compared = _compared(statistics.over_seeds(paired), images, *p, float(np.max(p)), *detectable)
    return {"difference": paired.mean(), **compared}


def _compared(seeds: Interval, images: Interval, *numbers: float) -> dict[str, float]:
    names = ("p_seeds", "p_images", "p", "detectable_seeds", "detectable_images")
    bounds = {**_bounds("difference_seeds", seeds), **_bounds("difference_images", images)}
    return {
        **bounds,
        **dict(zip(names, numbers or [np.nan] * len(names), strict=True)),
        "p_holm": np.nan,
        "verdict": "",
    }


def _verdict(study: "Study", row: dict[str, Any]) -> str:
    if row["variant"] == study.baseline:
        return "baseline"
    both = (Interval(row[f"difference_{over}_low"], row[f"difference_{over}_high"]) for over in ("seeds", "images"))
    return statistics.verdict(len(study.seeds), row["p_holm"], *both)


def _bounds(name: str, interval: Interval) -> dict[str, float]:
    return {f"{name}_low": interval.low, f"{name}_high": interval.high}


def _by_run(results: Results) -> dict[str, Metric]:
    """The scores of the accuracy table, by column."""
    return {each.name: each for each in results.metrics if ACCURACY in each.shown}


def _floor(results: Results) -> dict[str, Any]:
    floor = results.floor
    leading = {"model": "floor"} | {name: metric.read(floor) for name, metric in _by_run(results).items()}
    return leading | {"absent": len(floor["absent"])} | floor["iou"]


def _majority(results: Results) -> dict[str, Any]:
    majority = results.floor["majority"]
    true = results.class_share > 0
    # The union of a class that is predicted everywhere is every pixel, so its IoU is the accuracy. Others have 0.
    iou = {name: 0.0 if true[name] else np.nan for name in results.classes} | {
        majority["class"]: majority["pixel_accuracy"]
    }
    leading = {"model": "majority class"} | {name: each.read(majority) for name, each in _by_run(results).items()}
    return leading | {"absent": int((~true).sum())} | iou
