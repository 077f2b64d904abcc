"""The structures table: the accuracy of each variant compared with the baseline's, and what each variant costs."""

import pandas as pd

from analysis.results import conditions, statistics
from analysis.results.origins import LATENCY, SCORES
from analysis.results.results import Results
from analysis.tables.frames import latency_column
from analysis.tables.table import Column, Grid, Heading, Table, grid, interval, percent, points
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
    differences = [
        Column(f"95 % over {what}", (f"difference_{what}_low", f"difference_{what}_high"), interval, runs)
        for what in ("seeds", "images")
    ]
    return grid(
        [
            Column("", "variant"),
            *(Column(f"mIoU, seed {n}", f"miou_seed_{n}", percent, origins.of(SCORES, n)) for n in study.seeds),
            Column("mean", "miou", percent, runs),
            Column("SD", "miou_sd", percent, runs),
            Column(f"difference to {study.baseline}", "difference", points, runs),
            *differences,
            Column("p (Holm)", "p_holm", _p, runs),
            Column("verdict", "verdict"),
            *(Column(f"detectable, {what}", f"detectable_{what}", percent, runs) for what in ("seeds", "images")),
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
            *(Column(f"GMACs at {size}", f"macs_{at}", _giga, counted) for at, size in sizes.items()),
            Column("parameters, M", "parameters", lambda count: f"{count / 1e6:.2f}", counted),
            Column("float32, MB", "megabytes", lambda size: f"{size:.1f}", counted),
            *(Column(heading, (key, f"{key}_stable"), milliseconds, timed) for key, heading in ways.items()),
        ],
        structures,
    )


def milliseconds(time: float, stable: bool) -> str:
    """A time with three digits, marked if it was not stable."""
    return f"{time:.3g}" + ("" if stable else " (unstable)")


def _giga(count: float) -> str:
    return f"{count / 1e9:.3g}"


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _note(results: Results) -> str:
    border = results.scored["border"]["width"]
    return (
        "All scores are in %. SD is the standard deviation over the seeds. "
        f"Differences to {results.study.baseline} are paired by seed. Each difference has two 95 % "
        "intervals. The interval over seeds (Student's t) says what other "
        "seeds would give on these images. The interval over images (bootstrap, BCa, "
        f"{statistics.RESAMPLES} resamples of the mIoU of summed confusion matrices) says what other images would give "
        "with these networks; it treats images as independent, so it is too narrow for frames of one video. "
        f"{_verdict(results)} A detectable difference is the smallest true difference that a two-sided test at 5 %, "
        "uncorrected, would have found with 80 % probability, given this number of seeds or images and their spread. "
        f"Border mIoU counts only pixels within {border} pixels of a class border. Recall is that of the smallest "
        "objects, by their area in the labels. Both are means over the seeds."
    )


def _verdict(results: Results) -> str:
    count, compared = len(results.study.seeds), len(results.study.variants) - 1
    if count < statistics.MINIMUM_SEEDS:
        few = f"{count} seeds are" if count > 1 else "One seed is"
        return f"{few} too few for an interval over seeds, so there is no verdict: treat every difference as noise."
    return (
        "p is the larger of two p-values: over seeds from the paired t test, over images from the bootstrap's standard "
        f"error. It is corrected by Holm's method for {compared} comparison{'s' if compared > 1 else ''}; the "
        'intervals are not. The verdict is "above" or "below" if both intervals exclude 0 and the corrected p is below '
        '0.05, otherwise "within the noise".'
    )


def _cost_note(results: Results) -> str:
    unstable = any(not row["stable"] for row in results.latency["rows"])
    return (
        "MACs are multiply-accumulates, which the paper calls FLOPs. Each parameter takes 4 bytes as float32. Latency "
        f"is the median of single passes: {conditions.timing(results.latency)}."
        + (" Unstable times differ too much between the two halves of the record to be trusted." if unstable else "")
    )
