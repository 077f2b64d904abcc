"""The table of Table 5's order: who is faster than DFANet A, in the paper and here."""

import pandas as pd

from analysis.tables.table import Column, Part, Table, grid

NOTE = (
    "The paper takes the times of other networks from their own papers, which used other devices. Therefore no time is "
    "compared, only whether a network is faster or slower than DFANet A. Ratios are paired by round, with a 95 % "
    "interval over rounds."
)
NOTHING = "No network of Table 5 was timed beside DFANet A."


def table(order: pd.DataFrame) -> Table:
    """One row per mode and network; `order` is the result of `analysis.claims.order.order`."""
    if order.empty:
        return Table([NOTHING], order)
    columns = [
        Column("", "network"),
        Column("mode", ("mode", "device"), "{}, {}".format),
        Column("verdict", "verdict"),
        Column("paper, ms", "paper_ms", "{:g}".format),
        Column("paper, time / DFANet A", "paper_ratio", "{:.2g}".format),
        Column("here, time / DFANet A", "ratio", "{:.2f}".format),
        Column("95 %", ("ratio_low", "ratio_high"), "{:.2f} to {:.2f}".format),
        Column("image in the paper", "paper_size"),
        Column("image here", "size"),
    ]
    ordered = order.sort_values(["mode", "paper_ratio"], kind="stable")
    at = order["reference_size"].iloc[0]
    return Table([grid(columns, ordered), _count(order), f"DFANet A was timed at {at}. {NOTE}"], ordered)


def _count(order: pd.DataFrame) -> Part:
    counts = order["verdict"].value_counts(sort=False)
    return f"Of {len(order)} comparisons: {', '.join(f'{count} {verdict}' for verdict, count in counts.items())}."
