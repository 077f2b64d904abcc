"""The tables for readers: Markdown, rounded, with their conditions below."""

import numpy as np
import pandas as pd

from analysis.results import conditions, statistics
from analysis.results.latency import setting
from analysis.results.results import Results
from analysis.tables.frames import latency_column

Rows = list[dict[str, str]]


def accuracy(results: Results, table: pd.DataFrame) -> str:
    """Means over the seeds, the floor and the majority class."""
    rows = []
    for name, group in table.groupby("model", sort=False):
        scores = {"mIoU": group["miou"], "pixel accuracy": group["pixel_accuracy"]}
        classes = {each: _percent(group[each].mean()) for each in results.classes}
        cells = {heading: _percent(values.mean()) for heading, values in scores.items()}
        rows.append({"": name, **cells, "absent classes": _range(group["absent"]), **classes})
    reading = (
        "All scores in %, means over the seeds; the last columns are the IoU of each class. Absent classes occur "
        f"neither in truth nor in prediction and are left out of the mean, not scored 0. {conditions.FLOOR}"
    )
    return page(f"# Accuracy: {results.study.title}", grid(rows), *conditions.all_of(results), reading)


def structures(results: Results, table: pd.DataFrame) -> str:
    """mIoU by seed with differences, intervals and verdict; then what each variant costs."""
    rows = table.to_dict("records")
    return page(
        f"# Structures: {results.study.title}",
        grid([_scores(results, row) for row in rows]),
        *conditions.all_of(results),
        _reading(results),
        "## Cost",
        grid([_cost(results, row) for row in rows]),
        _timing(results),
    )


def _scores(results: Results, row: dict) -> dict[str, str]:
    study, smallest = results.study, results.scored["objects"]["bins"][0]
    cells = {"": row["variant"]} | {f"mIoU, seed {seed}": _percent(row[f"miou_seed_{seed}"]) for seed in study.seeds}
    cells |= {"mean": _percent(row["miou"]), "SD": _percent(row["miou_sd"])}
    cells |= {f"difference to {study.baseline}": _signed(row["difference"])}
    cells |= {f"95 % over {what}": _interval(row, what) for what in ("seeds", "images")}
    cells |= {"p (Holm)": _p(row["p_holm"]), "verdict": row["verdict"]}
    cells |= {f"detectable, {what}": _percent(row[f"detectable_{what}"]) for what in ("seeds", "images")}
    recall = next(value for column, value in row.items() if column.startswith("recall_"))
    return cells | {"border mIoU": _percent(row["border_miou"]), f"recall {_limits(smallest)}": _percent(recall)}


def _cost(results: Results, row: dict) -> dict[str, str]:
    macs = {conditions.size(size): row[f"macs_{at}"] / 1e9 for at, size in results.sizes.items()}
    cells = {"": row["variant"]} | {f"GMACs at {size}": f"{count:.3g}" for size, count in macs.items()}
    cells |= {"parameters, M": f"{row['parameters'] / 1e6:.2f}", "float32, MB": f"{row['megabytes']:.1f}"}
    for timed in results.latency["rows"]:
        if timed["variant"] == row["variant"]:
            unstable = "" if row[f"{latency_column(timed)}_stable"] else " (unstable)"
            cells[f"ms, {timed['mode']}, {timed['device']}"] = f"{timed['median_ms']:.3g}{unstable}"
    return cells


def _reading(results: Results) -> str:
    border = results.scored["border"]["width"]
    return (
        f"All scores in %; SD is over the seeds. Differences to {results.study.baseline} are paired by seed. Their "
        "95 % intervals: over seeds by Student's t (what other seeds would give on these images), over images by the "
        f"bootstrap (what other images would give these networks: BCa, {statistics.RESAMPLES} resamples, mIoU of the "
        "summed confusion matrices; it takes images for independent, so it is too narrow where frames come from one "
        f"video). {_verdict(results)} Detectable is the smallest true difference that this number of seeds, or of "
        "images, with the spread found would have shown with 80 % power (two-sided, 5 %, uncorrected). Border mIoU "
        f"counts the pixels within {border} pixels of a class border; recall is that of the smallest objects, by area "
        "at label resolution; both are means over the seeds."
    )


def _verdict(results: Results) -> str:
    count, compared = len(results.study.seeds), len(results.study.variants) - 1
    if count < statistics.MINIMUM_SEEDS:
        few = f"{count} seeds are" if count > 1 else "One seed is"
        return f"{few} too few for an interval over seeds, so there is no verdict: read all differences as noise."
    return (
        "p is the larger of two (over seeds by the paired t test, over images by the bootstrap's standard error), "
        f"corrected by Holm's method for {compared} comparison{'s' if compared > 1 else ''}; the intervals are not. "
        "The verdict is `above` or `below` where both intervals exclude 0 and the corrected p is below 0.05, else "
        "`within the noise`."
    )


def _timing(results: Results) -> str:
    latency = results.latency
    unstable = any(not row["stable"] for row in latency["rows"])
    return (
        "MACs are multiply-accumulates, which the paper calls FLOPs; parameters as float32 take 4 bytes each. Latency "
        f"is the median of single passes, {setting(latency)}."
        + (" Unstable: the halves of the record differ too much to be trusted." if unstable else "")
    )


def page(*parts: str) -> str:
    """Paragraphs, tables and headings as one document."""
    return "\n\n".join(parts) + "\n"


def grid(rows: Rows) -> str:
    """A Markdown table; a cell that a row lacks stays empty."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    lines = [columns, ["---", *["---:"] * (len(columns) - 1)], *([row.get(c, "") for c in columns] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _interval(row: dict, what: str) -> str:
    low, high = row[f"difference_{what}_low"], row[f"difference_{what}_high"]
    return "-" if np.isnan(low) else f"{_signed(low)} to {_signed(high)}"


def _limits(objects: dict) -> str:
    smallest = objects["above"] + 1
    return f"from {smallest} px" if objects["upto"] is None else f"{smallest} to {objects['upto']} px"


def _range(values: pd.Series) -> str:
    low, high = values.min(), values.max()
    return f"{low}" if low == high else f"{low} to {high}"


def _percent(value: float) -> str:
    return "-" if np.isnan(value) else f"{100 * value:.1f}"


def _p(value: float) -> str:
    return "-" if np.isnan(value) else "< 0.001" if value < 0.001 else f"{value:.3f}"


def _signed(value: float) -> str:
    return f"{100 * value:+.1f}"
