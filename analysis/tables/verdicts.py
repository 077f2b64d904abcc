"""The table of verdicts: how many numbers hold, where the paper contradicts itself, and every cell."""

from collections.abc import Mapping, Sequence

import pandas as pd

from analysis.claims import verdicts
from analysis.claims.claims import PAPER, Tolerance
from analysis.claims.judging import VERDICTS
from analysis.tables.table import PROSE, Column, Grid, Heading, Part, Table, grid

KNOWN = (
    "The tolerances were committed (9184561) two hours after tests that compared the MACs and parameters of these "
    "networks with Tables 2 to 4 (c542be8). Those errors were therefore known when the bound was chosen. Nothing had "
    "been trained or timed under the paper's conditions then, and nothing has been since. The bound decides how many "
    "of the counted cells of the paper's own networks are reproduced:"
)
"""What was known when the tolerances were committed."""
NAMES = {"macs": "MACs", "parameters": "parameters", "miou": "mIoU", "time": "time", "fps": "fps"}


def table(judged: pd.DataFrame, tolerances: Mapping[str, Tolerance], contradictions: Sequence[str]) -> Table:
    """`judged` is the result of `analysis.claims.verdicts.verdicts`."""
    parts: list[Part] = [
        _counts(judged), _note(judged, tolerances), Heading("Errors of the counted cells"), errors(judged),
        Heading("What other bounds would have given"), KNOWN, bounds(judged),
        Heading("Where the paper disagrees with itself"), "\n".join(f"- {sentence}" for sentence in contradictions),
    ]  # fmt: skip
    for name, cells in judged.groupby(_places(judged), sort=False):
        parts += [Heading(name), _cells(cells)]
    return Table(parts, judged)


def errors(judged: pd.DataFrame) -> Grid:
    """Median and largest absolute error of the counted cells. A number that several tables repeat counts once."""
    columns = [
        Column("", ("quantity", "networks"), lambda quantity, networks: f"{NAMES[quantity]}, {networks}"),
        Column("cells", "cells"),
        Column("fitted", "fitted"),
        Column("median", "median", _percent),
        Column("largest", "largest", _percent, lambda row: f"#cell-{row['id']}"),
        Column("of", "id"),
    ]
    return grid(columns, verdicts.errors(judged).reset_index(), "Errors of the counted cells")


def bounds(judged: pd.DataFrame) -> Grid:
    """How many counted cells of the paper's own networks other tolerances would have reproduced."""
    columns = [
        Column("bound", "bound", lambda bound: f"{100 * bound:g} %"),
        Column("with rounding added", ("rounded", "cells"), "{} of {}".format),
        Column("without", ("bare", "cells"), "{} of {}".format),
    ]
    return grid(columns, verdicts.by_bound(judged).reset_index(), "What other bounds would have given")


def _counts(judged: pd.DataFrame) -> Grid:
    rows = [{"": quantity, **counts} for quantity, counts in verdicts.summary(judged).items()]
    return grid([Column("", ""), *(Column(verdict, verdict) for verdict in VERDICTS)], rows)


def _note(judged: pd.DataFrame, tolerances: Mapping[str, Tolerance]) -> str:
    allowed = ", ".join(
        f"{quantity} {each.points:.1f} points" if each.points else f"{quantity} {100 * each.relative:g} %"
        for quantity, each in tolerances.items()
    )
    return (
        f"{verdicts.meaning(judged)} The tolerances are {allowed}, plus the rounding of the printed number. mIoU is "
        "judged by the mean over the seeds, and only on the claim's data, split and size and with its recipe. Time is "
        f"judged only on the claim's device. An asterisk marks fitted cells: {judged['fitted'].sum()} of {len(judged)}."
    )


def _places(judged: pd.DataFrame) -> pd.Series:
    numbers = "Table " + judged["table"].astype(str)
    return numbers.where(judged["source"] == PAPER, "The peers' own papers")


def _cells(judged: pd.DataFrame) -> Grid:
    columns = [
        Column("", ("row", "source"), lambda row, source: row + ("" if source == PAPER else f" ({source})")),
        Column("quantity", ("quantity", "fitted"), lambda quantity, fitted: quantity + (" *" if fitted else "")),
        Column("paper", ("paper", "unit"), "{} {}".format),
        Column("measured", ("measured", "low", "high"), _measured),
        Column("error", ("error", "quantity"), _error),
        Column("verdict", "verdict"),
        Column("measured with", "conditions", lambda made: made or "-", kind=PROSE),
        Column("why", "reason", kind=PROSE),
    ]
    return grid(columns, judged)


def _measured(value: float, low: float, high: float) -> str:
    return f"{value:.4g}" + ("" if pd.isna(low) else f" ({low:.1f} to {high:.1f})")


def _error(error: float, quantity: str) -> str:
    return f"{error:+.1f}" if quantity == "miou" else f"{100 * error:+.1f} %"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
