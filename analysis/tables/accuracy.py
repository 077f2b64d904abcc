"""The accuracy table: one row per run in the CSV, means over the seeds for readers."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from analysis.results import conditions
from analysis.results.origins import FLOOR
from analysis.results.results import Results
from analysis.tables import frames
from analysis.tables.table import Column, Grid, Table, grid, percent
from pipeline.utils.scores import ACCURACY


def table(results: Results) -> Table:
    """Every run, the floor and the majority class."""
    return Table([_means(results), _note()], frames.accuracy(results), conditions.all_of(results))


def _means(results: Results) -> Grid:
    runs = frames.accuracy(results)
    scores = [metric for metric in results.metrics if ACCURACY in metric.shown]
    names = [*(metric.name for metric in scores), *results.classes]
    absent = runs.groupby("model", sort=False)["absent"].agg(["min", "max"])
    means = runs.groupby("model", sort=False)[names].mean().join(absent).reset_index()
    origin = partial(_origin, results)
    columns = [
        Column("", "model"),
        *(Column(metric.heading, metric.name, metric.text, origin) for metric in scores),
        Column("absent classes", ("min", "max"), _range, origin),
        *(Column(name, name, percent, origin) for name in results.classes),
    ]
    return grid(columns, means)


def _origin(results: Results, row: Mapping[str, Any]) -> str:
    name = row["model"]
    return results.origins.runs(name) if name in results.study.variants else results.origins.record(FLOOR)


def _range(low: int, high: int) -> str:
    return f"{low}" if low == high else f"{low} to {high}"


def _note() -> str:
    return (
        "All scores are in % and are means over the seeds. The last columns are the IoU of each class. Absent classes "
        "occur in neither truth nor prediction; they are left out of the mean, not scored 0. " + conditions.FLOOR
    )
