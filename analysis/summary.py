"""A study's main numbers and curves as small files, which `dvc metrics` and `dvc plots` show and compare.

DVC prints one row per file of metrics, so there is one for each variant, for the floor and for the majority class.
"""

import json

from analysis.inputs import Inputs
from analysis.results.results import Results
from pipeline.utils.scores import SUMMARY

Numbers = dict[str, dict[str, float]]

CURVES = ("loss", "accuracy")
"""Columns of curve.csv; each is a file of curves/."""


def numbers(inputs: Inputs) -> Numbers:
    """By variant, floor and majority class: the main scores, the difference to the baseline and the MACs."""
    results, structures = inputs.results, inputs.structures.set_index("variant")
    scores = [metric for metric in results.metrics if SUMMARY in metric.shown]
    shown = {"difference", *(metric.name for metric in scores)}
    table = structures[[column for column in structures if column in shown]]
    table = table.assign(gmacs=structures["macs_study"] / 1e9).round(4)
    rows: Numbers = {name: row.dropna().to_dict() for name, row in table.iterrows()}
    for name, recorded in {"floor": results.floor, "majority-class": results.floor["majority"]}.items():
        read = {metric.name: round(metric.read(recorded), 4) for metric in scores}
        rows[name] = {key: value for key, value in read.items() if value == value}  # NaN where not recorded
    return rows


def files(rows: Numbers, results: Results) -> dict[str, str]:
    """The content of each file, by its path in the folder of the study's results."""
    found = {f"metrics/{name}.json": json.dumps(row, indent=1) + "\n" for name, row in rows.items()}
    return found | {f"curves/{column}.csv": _curves(results, column) for column in CURVES}


def _curves(results: Results, column: str) -> str:
    """A row per epoch, a column per variant: means over the seeds."""
    means = results.curves.groupby(["epoch", "variant"], sort=False)[column].mean().unstack("variant")
    return means.reindex(columns=results.study.variants).sort_index().round(5).to_csv(lineterminator="\n")
