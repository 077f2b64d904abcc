"""The table of increments: what each part adds to MACs and parameters."""

import pandas as pd

from analysis.tables.table import Column, Table, grid

NOTE = (
    "Each row is the difference of two rows of one table of the paper, printed and counted. The error of a shared base "
    "cancels in it. A difference is reproduced within the tolerance of its count plus the rounding of both cells. "
    "Where that allows a difference of 0, the printed numbers are too coarse to judge it."
)


def table(increments: pd.DataFrame) -> Table:
    """One row per part and count; `increments` is the result of `analysis.claims.increments.increments`."""
    columns = [
        Column("", ("effect", "source"), "{} ({})".format),
        Column("count", "quantity", lambda quantity: {"macs": "MACs"}.get(quantity, quantity)),
        Column("verdict", "verdict"),
        Column("paper", ("paper", "unit"), "{:+.4g} {}".format),
        Column("counted", "measured", "{:+.3g}".format),
        Column("error", "error", lambda error: f"{100 * error:+.0f} %"),
        Column("allowed", "allowed", "{:.2g}".format),
    ]
    return Table([grid(columns, increments), NOTE], increments)
