"""The table of health: losses, gradients, ReLUs and gates of every training, and which networks are unhealthy."""

import pandas as pd

from analysis.results import conditions, diagnosis
from analysis.results.records import Record, flatten
from analysis.results.results import Results
from analysis.tables.markdown import Rows, grid, page

SHOWN = {
    "gradient_first": ("gradient, first batch", 1, ".2g"),
    "gradient_last": ("gradient, trained", 1, ".2g"),
    "dead_relu": ("dead ReLU channels, %", 100, ".0f"),
    "saturated": ("saturated gates, %", 100, ".0f"),
    "between_images": ("SD of gates between images", 1, ".3f"),
    "input": ("SD of gates' input", 1, ".3g"),
}
"""Of a part: the heading of a value, a factor and its digits."""


def table(results: Results) -> pd.DataFrame:
    """A row for each run: why it is unhealthy, and what its training recorded, under the record's own names."""
    rows = [{"variant": variant, "seed": seed, **_recorded(results, variant, seed)} for variant, seed in results.train]
    return pd.DataFrame(rows)


def markdown(results: Results) -> str:
    """A row for each variant, then one for each of its parts; values are ranges over the seeds."""
    title = f"# Health: {results.study.title}"
    missing = [name for name in results.study.variants if name not in results.healthy]
    unknown = [f"Health not recorded: {', '.join(missing)}."] if missing else []
    said = [*unknown, *conditions.all_of(results)]
    if not results.health:
        return page(title, *said)
    return page(title, grid(_losses(results)), *said, "## By part", grid(_parts(results)), _reading(results))


def _recorded(results: Results, variant: str, seed: int) -> Record:
    found = results.health.get((variant, seed))
    return {"unhealthy": "; ".join(diagnosis.reasons([found])), **flatten(found)} if found else {}


def _losses(results: Results) -> Rows:
    columns = {"first loss": ("first", "loss"), "even scores": ("first", "guessing"), "last loss": ("last", "loss")}
    runs = pd.DataFrame(
        {column: each[when][what] for column, (when, what) in columns.items()} | {"": variant}
        for (variant, _), each in results.health.items()
    )
    return [
        {"": name}
        | {column: _range(rows[column], ".3g") for column in columns}
        | {"healthy": "yes" if results.healthy[name] else "no"}
        for name, rows in runs.groupby("", sort=False)
    ]


def _parts(results: Results) -> Rows:
    parts = pd.DataFrame(
        {"variant": variant, "part": part, **values}
        for (variant, _), record in results.health.items()
        for part, values in _by_part(record).items()
    )
    shown = {name: how for name, how in SHOWN.items() if name in parts}
    return [
        {"": variant, "part": part}
        | {heading: _range(rows[name] * factor, digits) for name, (heading, factor, digits) in shown.items()}
        for (variant, part), rows in parts.groupby(["variant", "part"], sort=False)
    ]


def _by_part(record: Record) -> dict[str, Record]:
    values = {"gradient_first": record["first"]["gradients"], "gradient_last": record["last"]["gradients"]}
    values |= {"dead_relu": record["dead_relu"]}
    names = dict.fromkeys(part for parts in (*values.values(), record["gates"]) for part in parts)
    return {
        part: {name: parts.get(part) for name, parts in values.items()} | record["gates"].get(part, {})
        for part in names
    }


def _range(values: pd.Series, digits: str) -> str:
    """From the lowest to the highest; "" where none is a number."""
    known = values.astype(float).dropna().tolist()
    return diagnosis.spread(known, digits) if known else ""


def _reading(results: Results) -> str:
    one = next(iter(results.health.values()))
    low, high = one["saturated"]
    return (
        "Values are ranges over the seeds. The first loss is that of the first batch before any step, beside that of "
        "even scores: the logarithm of the number of classes, times the sum of the outputs' weights where there are "
        "auxiliary heads. The last is the last epoch's mean. Gradients are norms on the first batch, before training "
        f"and after it. ReLU channels and gates are watched on {one['frames']} whole training frames, in evaluation "
        "mode: a channel is dead if it is 0 at every pixel of all of them, a gate is saturated below "
        f"{low:g} or above {high:g}, and its standard deviation (SD) between images is a mean over the channels. "
        f"A network is unhealthy with more than {_percent(diagnosis.SATURATED)} of saturated gates, an SD of gates "
        f"between images below {diagnosis.BETWEEN_IMAGES:g}, more than {_percent(diagnosis.DEAD)} of dead channels "
        f"in a part, a first loss further than {_percent(diagnosis.FIRST_LOSS)} from that of even scores, or weights "
        "or batch norm statistics that are not finite."
    )


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
