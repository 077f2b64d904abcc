"""The structures table: the accuracy of each variant compared with the baseline's, and what each variant costs."""

import pandas as pd

from analysis.results import conditions
from analysis.results.origins import LATENCY, SCORES
from analysis.results.results import Results
from analysis.tables.frames import latency_column
from analysis.tables.table import Column, Grid, Heading, Table, grid, percent, points
from pipeline.config import paths
from pipeline.utils.scores import STRUCTURES


def table(results: Results, structures: pd.DataFrame) -> Table:
    """One row per variant; `structures` is that of `frames.structures`."""
    scores, cost = _scores(results, structures), _cost(results, structures)
    parts = [scores, _note(results), Heading("Cost"), cost, _cost_note(results)]
    return Table(parts, structures, conditions.all_of(results))


def _scores(results: Results, structures: pd.DataFrame) -> Grid:
    study, origins = results.study, results.origins
    runs = origins.of_runs
    return grid(
        [
            Column("", "variant"),
            *(Column(f"mIoU, seed {n}", f"miou_seed_{n}", percent, origins.of(SCORES, n)) for n in study.seeds),
            Column("mean", "miou", percent, runs),
            Column("SD", "miou_sd", percent, runs),
            Column("95 %", ("miou_low", "miou_high"), _range, runs),
            Column(f"difference to {study.baseline}", "difference", points, runs),
            *(Column(each.heading, each.name, each.text, runs) for each in results.metrics if STRUCTURES in each.shown),
        ],
        structures,
    )


def _cost(results: Results, structures: pd.DataFrame) -> Grid:
    counted, timed = results.origins.of(paths.COMPLEXITY), results.origins.of(LATENCY)
    sizes = {name: conditions.size(size) for name, size in results.sizes.items()}
    ways = {latency_column(row): f"ms, {row['mode']}, {row['device']}" for row in results.latency["rows"]}
    return grid(
        [
            Column("", "variant"),
            *(Column(f"GMACs at {size}", f"macs_{at}", giga, counted) for at, size in sizes.items()),
            Column("parameters, M", "parameters", millions, counted),
            Column("float32, MB", "megabytes", lambda size: f"{size:.1f}", counted),
            *(Column(heading, (key, f"{key}_stable"), milliseconds, timed) for key, heading in ways.items()),
        ],
        structures,
    )


def milliseconds(time: float, stable: bool) -> str:
    """A time with three digits, marked if it was not stable."""
    return f"{time:.3g}" + ("" if stable else " (unstable)")


def giga(count: float) -> str:
    """MACs in G, with three digits."""
    return f"{count / 1e9:.3g}"


def millions(count: float) -> str:
    """Parameters in M, with two decimals."""
    return f"{count / 1e6:.2f}"


def _range(low: float, high: float) -> str:
    return f"{percent(low)} to {percent(high)}"


def _note(results: Results) -> str:
    border = results.scored["border"]["width"]
    return (
        "All scores are in %. SD is the standard deviation over the seeds. The 95 % interval is over seeds and frames "
        "together. Whether differences are more than noise is said by the table of effects. "
        f"Border mIoU counts only pixels within {border} pixels of a class border. Recall is that of the smallest "
        "objects, by their area in the labels. Both are means over the seeds."
    )


def _cost_note(results: Results) -> str:
    unstable = any(not row["stable"] for row in results.latency["rows"])
    return (
        "MACs are multiply-accumulates, which the paper calls FLOPs. Each parameter takes 4 bytes as float32. Latency "
        f"is the median of single passes: {conditions.timing(results.latency)}."
        + (" Unstable times differ too much between the two halves of the record to be trusted." if unstable else "")
    )
