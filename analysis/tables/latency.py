"""The latency table: the variants and, if a study has them, the deployment forms of one of its variants."""

from typing import Any

import numpy as np
import pandas as pd

from analysis.results import conditions, latency, over_sizes
from analysis.results.origins import LATENCY, Origin
from analysis.results.results import Results
from analysis.tables.structures import milliseconds
from analysis.tables.table import Column, Grid, Heading, Part, Table, grid
from pipeline.config import paths

EAGER = "eager float32"
"""The mode that deployment forms are compared with."""
OVER = (
    "A pass needs at least the time of three parts: starting its operations, which is about the time of the same "
    "network at the smallest image; moving its bytes at the machine's copy rate; and its MACs at the rate of a large "
    "matrix product. The last column names the largest part, with its share of the measured time."
)


def table(results: Results) -> Table:
    """One row per variant and mode, the fastest first within each mode, then one row per deployment form."""
    base, forms = latency.baseline(results.latency, results.study.baseline), results.study.forms
    frames, origin = {"variants": latency.frame(results.latency, base)}, results.origins.of(LATENCY)
    shown = parts(results.latency, frames["variants"], base, origin=origin)
    over = over_sizes.frame(results.latency, base)
    if len(over):
        frames["over sizes"] = over
        shown += [Heading("Over image sizes"), _over(over, base, origin), OVER]
    if results.forms:
        frames["forms"] = latency.frame(results.forms, forms, EAGER)
        link = results.origins.of(paths.FORMS)
        shown += [Heading(f"Deployment forms of {forms}"), *parts(results.forms, frames["forms"], forms, EAGER, link)]
    return Table(shown, pd.concat(frames, names=["timed"]).reset_index(0))


def parts(
    timed: dict[str, Any], frame: pd.DataFrame, base: str, mode: str = "", origin: Origin = lambda row: ""
) -> list[Part]:
    """The grid of a latency record's result, a note, and what was not timed. Ratios are to `base` (in `mode`)."""
    ordered = frame.sort_values("median_ms", kind="stable")
    if not mode:
        ordered = ordered.sort_values("mode", key=lambda modes: modes.map(list(frame["mode"]).index), kind="stable")
    against = f"{base}, {mode}" if mode else base
    skipped = [f"Not timed: {each['mode']} ({each['reason']})." for each in timed.get("skipped", [])]
    return [_grid(ordered, against, origin), _note(timed, against), *skipped]


def _grid(rows: pd.DataFrame, against: str, origin: Origin) -> Grid:
    columns = [
        Column("", "variant"),
        Column("mode", ("mode", "device"), lambda mode, device: f"{mode}, {device}"),
        Column("image", "size"),
        Column("ms", ("median_ms", "stable"), milliseconds, origin),
        Column("fps", "fps", _three, origin),
        Column(f"time / {against}", "ratio", lambda ratio: f"{ratio:.2f}", origin),
        Column("95 %", ("ratio_low", "ratio_high"), _range, origin),
        Column("differs from eager", ("difference", "agrees"), _difference, origin),
        Column("mIoU (%)", "miou", lambda miou: f"{100 * miou:.2f}", origin),
        Column("gained, points", "miou_gained", lambda gained: f"{100 * gained:+.2f}", origin),
        Column("GMACs", "macs", lambda count: _three(count / 1e9), origin),
        Column("MB moved", "bytes", lambda count: _three(count / 1e6), origin),
        Column("ms for the MACs", "arithmetic_ms", _three, origin),
        Column("ms for the bytes", "traffic_ms", _three, origin),
        Column("limit reached", "share", "{:.0%}".format, origin),
        Column("limit reached, by operation", "share_by_operation", "{:.0%}".format, origin),
    ]
    known = {*rows, "ratio_low"} if "ratio" in rows else {*rows}
    return grid([column for column in columns if np.atleast_1d(column.keys)[0] in known], rows)


def _over(rows: pd.DataFrame, base: str, origin: Origin) -> Grid:
    """The sizes from small to large, the fastest network first within each."""
    ordered = rows.sort_values(["mode", "pixels", "median_ms"], kind="stable")
    columns = [
        Column("image", "size"),
        Column("", "variant"),
        Column("mode", ("mode", "device"), lambda mode, device: f"{mode}, {device}"),
        Column("ms", ("median_ms", "stable"), milliseconds, origin),
        Column("fps", "fps", _three, origin),
        Column(f"time / {base}", "ratio", lambda ratio: f"{ratio:.2f}", origin),
        Column("95 %", ("ratio_low", "ratio_high"), _range, origin),
        Column("ms at the smallest image", "smallest_ms", _three, origin),
        Column("ms for the bytes", "traffic_ms", _three, origin),
        Column("ms for the MACs", "arithmetic_ms", _three, origin),
        Column("largest", ("bound", "bound_share"), lambda bound, share: f"{bound} ({share:.0%})", origin),
    ]
    return grid(columns, ordered)


def _three(value: float) -> str:
    return f"{value:.3g}"


def _range(low: float, high: float) -> str:
    return "-" if low == high else f"{low:.2f} to {high:.2f}"


def _difference(size: float, agrees: bool) -> str:
    return f"{size:.0e}" + ("" if agrees else " (does not agree)")


def _scored(frames: dict[str, Any] | None) -> str:
    if not frames:
        return ""
    return (
        f"mIoU is that of the first seed's weights on {frames['frames']} frames of {frames['split']}, seen at "
        f"{conditions.size(frames['size'])}; what is gained is against {EAGER} on the same frames."
    )


def _note(timed: dict[str, Any], against: str) -> str:
    forms = any("difference" in row for row in timed["rows"])
    rounds = timed["protocol"].get("rounds", "")
    return " ".join(
        each
        for each in (
            f"Times are medians of single passes: {conditions.timing(timed)}. Time / {against} is paired by round: it "
            f"is the geometric mean of the ratios of medians in {f'{rounds} rounds' if rounds else 'all rounds'}. Its "
            "95 % interval comes from Student's t on their logarithms and is not corrected for the number of "
            "comparisons.",
            "Differences are the largest of any class score, in standard deviations of the scores." if forms else "",
            _scored(timed.get("scored")),
            conditions.ceilings(timed),
        )
        if each
    )
