"""The table of Table 5's order: who is faster than DFANet A, in the paper and here."""

import pandas as pd

from analysis.claims.order import ANOTHER, CLOSE, SAME
from analysis.tables.table import Column, Grid, Heading, Part, Table, grid

NOTE = (
    "The paper takes the times of other networks from their own papers, which used other devices. Therefore no time is "
    "compared, only whether a network is faster or slower than DFANet A. Ratios are paired by round, with a 95 % "
    "interval over rounds."
)
SIGNS = {SAME: "✓", ANOTHER: "×", CLOSE: "≈"}
LEGEND = (
    "Time / DFANet A in each mode: ✓ same order as in the paper, × another order, ≈ too close to tell, · not judged."
)
NOTHING = "No network of Table 5 was timed beside DFANet A."


def table(order: pd.DataFrame) -> Table:
    """One row per mode and network, after one per network; `order` is the result of `analysis.claims.order.order`."""
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
    said = [_count(order), f"DFANet A was timed at {at}. {NOTE}"]
    if order["mode"].nunique() == 1:
        return Table([grid(columns, ordered), *said], ordered)
    each = Heading("Who is faster, with intervals")
    return Table([_overview(order), LEGEND, *said, each, grid(columns, ordered)], ordered)


def _overview(order: pd.DataFrame) -> Grid:
    """A row per network and a column per mode, in the order in which they were timed."""
    shown = [
        f"{ratio:.2f} {SIGNS.get(verdict, '·')}"
        for ratio, verdict in zip(order["ratio"], order["verdict"], strict=True)
    ]
    modes = list(dict.fromkeys(order["mode"]))
    wide = order.assign(shown=shown).pivot(index=["network", "paper_ratio"], columns="mode", values="shown")
    rows = wide.reset_index().sort_values("paper_ratio", kind="stable")
    columns = [Column("", "network"), Column("paper", "paper_ratio", "{:.2g}".format)]
    return grid([*columns, *(Column(mode, mode) for mode in modes)], rows)


def _count(order: pd.DataFrame) -> Part:
    counts = order["verdict"].value_counts(sort=False)
    return f"Of {len(order)} comparisons: {', '.join(f'{count} {verdict}' for verdict, count in counts.items())}."
