"""The table of health: losses, gradients, ReLUs and gates of every training, and which networks are unhealthy."""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import pandas as pd

from analysis.results import conditions, diagnosis
from analysis.results.results import Results
from analysis.tables.table import Column, Grid, Heading, Table, grid
from pipeline.utils.records import Record, flatten

LOSSES = {"first loss": ("first", "loss"), "even scores": ("first", "guessing"), "last loss": ("last", "loss")}
"""Heading of a loss, and where the record holds it."""
SHOWN = {
    "gradient_first": ("gradient, first batch", 1, ".2g"),
    "gradient_last": ("gradient, trained", 1, ".2g"),
    "dead_relu": ("dead ReLU channels, %", 100, ".0f"),
    "saturated": ("saturated gates, %", 100, ".0f"),
    "between_images": ("SD of gates between images", 1, ".3f"),
    "input": ("SD of gates' input", 1, ".3g"),
}
"""Values of a part: heading, factor and digits."""


def table(results: Results) -> Table:
    """One row per run in the CSV, with the names of its record. Readers see one row per variant, then one per part."""
    rows = [{"variant": variant, "seed": seed, **_recorded(results, variant, seed)} for variant, seed in results.train]
    missing = [name for name in results.study.variants if name not in results.healthy]
    parts = [f"Health was not recorded for {', '.join(missing)}."] if missing else []
    if results.health:
        parts = [_losses(results), *parts, Heading("By part"), _by_part(results), _note(results)]
    return Table(parts, pd.DataFrame(rows), conditions.all_of(results))


def _recorded(results: Results, variant: str, seed: int) -> Record:
    found = results.health.get((variant, seed))
    return {"unhealthy": "; ".join(diagnosis.reasons([found])), **flatten(found)} if found else {}


def _losses(results: Results) -> Grid:
    runs = pd.DataFrame(
        {"variant": variant} | {heading: each[when][what] for heading, (when, what) in LOSSES.items()}
        for (variant, _), each in results.health.items()
    )
    rows = runs.groupby("variant", sort=False)[list(LOSSES)].agg(list).reset_index()
    rows["healthy"] = ["yes" if results.healthy[name] else "no" for name in rows["variant"]]
    columns = [_ranged(results, heading, heading, 1, ".3g") for heading in LOSSES]
    return grid([Column("", "variant"), *columns, Column("healthy", "healthy")], _with_lowest(rows, LOSSES))


def _by_part(results: Results) -> Grid:
    parts = pd.DataFrame(row for (variant, _), record in results.health.items() for row in _part_rows(variant, record))
    shown = [name for name in SHOWN if name in parts]
    rows = parts.groupby(["variant", "part"], sort=False)[shown].agg(list).reset_index()
    columns = [_ranged(results, name, *SHOWN[name]) for name in shown]
    return grid([Column("", "variant"), Column("part", "part"), *columns], _with_lowest(rows, shown))


def _part_rows(variant: str, record: Record) -> Iterator[dict[str, Any]]:
    values = {"gradient_first": record["first"]["gradients"], "gradient_last": record["last"]["gradients"]}
    values |= {"dead_relu": record["dead_relu"]}
    for part in dict.fromkeys(part for parts in (*values.values(), record["gates"]) for part in parts):
        found = {name: parts.get(part) for name, parts in values.items()} | record["gates"].get(part, {})
        yield {"variant": variant, "part": part, **found}


def _ranged(results: Results, name: str, heading: str, factor: float, digits: str) -> Column:
    """A column of ranges over the seeds; `name` holds a row's list of values, `name_lowest` what it sorts by."""
    text = partial(_range, factor=factor, digits=digits)
    return Column(heading, (f"{name}_lowest", name), text, results.origins.of_runs, missing="")


def _with_lowest(rows: pd.DataFrame, names: Iterable[str]) -> pd.DataFrame:
    """The rows with the lowest value of each list; NaN where none of its values is a number."""
    lowest = {f"{name}_lowest": [pd.Series(each, dtype=float).min() for each in rows[name]] for name in names}
    return rows.assign(**lowest)


def _range(lowest: float, values: list[float | None], factor: float, digits: str) -> str:
    return diagnosis.spread([factor * value for value in values if not pd.isna(value)], digits)


def _note(results: Results) -> str:
    one = next(iter(results.health.values()))
    low, high = one["saturated"]
    return (
        "Values are ranges over the seeds. The first loss is that of the first batch, before any step. Even scores is "
        "the loss of a network that gives every class the same score: the logarithm of the number of classes, times "
        "the sum of the outputs' weights if there are auxiliary heads. The last loss is the mean of the last epoch. "
        "Gradients are norms on the first batch, before and after training. ReLU channels and gates are observed on "
        f"{one['frames']} whole training frames, in evaluation mode. A channel is dead if it is 0 at every pixel of "
        f"all of them. A gate is saturated below {low:g} or above {high:g}. The standard deviation (SD) of gates "
        "between images is a mean over the channels. "
        f"A network is unhealthy if more than {_percent(diagnosis.SATURATED)} of its gates are saturated, if the SD of "
        f"its gates between images is below {diagnosis.BETWEEN_IMAGES:g}, if more than {_percent(diagnosis.DEAD)} of "
        "the channels of a part are dead, if its first loss differs from that of even scores by more than "
        f"{_percent(diagnosis.FIRST_LOSS)}, or if weights or batch norm statistics are not finite."
    )


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
