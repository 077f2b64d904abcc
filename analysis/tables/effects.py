"""The table of effects: what the study's contrasts are in the paper, what they are here, and what each side costs."""

from collections.abc import Callable

import pandas as pd

from analysis.claims.effects import ALONE, MEANINGS
from analysis.results import conditions
from analysis.results.results import Results
from analysis.tables.structures import giga, millions
from analysis.tables.table import PROSE, Column, Grid, Table, grid


def table(results: Results, effects: pd.DataFrame) -> Table:
    """One row per contrast; `effects` is the result of `analysis.claims.effects.judged`."""
    if effects.empty:
        return Table([ALONE], effects, conditions.all_of(results))
    return Table([_grid(results, effects), _note(results, effects)], effects, conditions.all_of(results))


def _grid(results: Results, effects: pd.DataFrame) -> Grid:
    def runs(row: object) -> str:
        return results.origins.runs(row["variant"])

    columns = [
        Column("", ("effect", "source"), lambda effect, source: f"{effect} ({source})" if source else effect),
        Column("verdict", "verdict"),
        Column("paper", ("paper", "expected"), lambda paper, expected: f"{paper:+.1f}", missing="-"),
        Column("measured", "difference", _points, runs),
        Column("95 %", ("low", "high"), lambda low, high: f"{low:+.1f} to {high:+.1f}", runs),
        Column("paper's size inside", "paper_inside", lambda inside: "yes" if inside else "no"),
        Column("p, corrected", "p_corrected", _p, runs),
        Column("detectable", "detectable", "{:.1f}".format, runs),
        *(
            Column(heading, (f"{key}_reference", f"{key}_variant"), _both(text))
            for heading, key, text in (
                ("GMACs", "macs_study", giga), ("parameters, M", "parameters", millions), ("ms", "ms", "{:.3g}".format)
            )
        ),
        Column("doubts", "doubts", lambda doubts: doubts or "-", kind=PROSE),
    ]  # fmt: skip
    return grid(columns, effects)


def _points(value: float) -> str:
    return f"{value:+.1f}"


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _both(text: Callable[[float], str]) -> Callable[[float, float], str]:
    """What the reference costs and what the variant costs."""
    return lambda reference, variant: f"{text(reference)} \N{RIGHTWARDS ARROW} {text(variant)}"


def _note(results: Results, effects: pd.DataFrame) -> str:
    study = results.study
    meanings = "; ".join(f'"{each}": {MEANINGS[each]}' for each in MEANINGS if each in set(effects["verdict"]))
    return (
        "Differences are in points of mIoU, paired by seed and by frame. The 95 % interval is over seeds and frames "
        f"together, not corrected. {conditions.inference(results)} A detectable effect is the smallest true one that "
        "this test would have found with a probability of 80 %. The smallest effect of interest is "
        f"{conditions.in_points(study.smallest_effect)}. Verdicts: {meanings}. The paper's differences are those of "
        "its own tables, on Cityscapes; they are compared with effects, not with scores, because both sides of an "
        "effect share their conditions. Costs are those of the reference and of the variant, at this study's input."
    )
