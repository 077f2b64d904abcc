"""Data frames of the accuracy table (one row per run) and the structures table (one row per variant)."""

from typing import Any

import numpy as np
import pandas as pd

from analysis.results.results import Results
from pipeline.utils.scores import ACCURACY, Metric


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
    """One row per variant: mIoU by seed, its mean and intervals, the difference to the baseline, cost and latency."""
    return pd.DataFrame([_structure(results, name) for name in results.study.variants])


def latency_column(row: dict[str, Any]) -> str:
    """The column of a timed mode and device: `ms_MODE_on_DEVICE`."""
    return f"ms_{row['mode']} on {row['device']}".replace(" ", "_")


def _structure(results: Results, name: str) -> dict[str, Any]:
    miou, mean = results.scores.loc[name, "miou"], results.differences.of(name)
    row: dict[str, Any] = {"variant": name} | {f"miou_seed_{seed}": value for seed, value in miou.items()}
    row |= {"miou": mean.value, "miou_sd": miou.std(ddof=1)}
    for over, interval in {"": mean.interval, "seeds_": mean.seeds, "frames_": mean.frames}.items():
        row |= {f"miou_{over}low": interval.low, f"miou_{over}high": interval.high}
    row["difference"] = mean.value - results.means.loc[results.study.baseline, "miou"]
    row["above_floor"] = name not in results.undertrained
    row["healthy"] = results.healthy.get(name)
    row |= results.means.loc[name, [each.name for each in results.metrics if each.name not in row]].to_dict()
    row |= results.complexity.loc[name].to_dict()
    for timed in results.latency["rows"]:
        if timed["variant"] == name:
            row |= {latency_column(timed): timed["median_ms"], f"{latency_column(timed)}_stable": timed["stable"]}
    return row


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
