"""The costs that accuracy is plotted against: multiply-accumulates, or latency on a device."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd

from analysis.results import conditions
from analysis.results.results import Results

MODES = ("eager float32", "CUDA graph float16")
"""The timed modes that are drawn: the plain one, and the fastest one on a GPU."""


@dataclass(frozen=True)
class Cost:
    """An x axis: the cost of each variant, its range over the rounds, and the paper's column for it.

    `elsewhere` has the image size of each variant whose cost was measured at another size than that of the title. Such
    variants are not compared with the others.
    """

    title: str
    unit: str
    values: pd.Series
    ranges: dict[str, tuple[float, float]]
    paper: str
    note: str
    elsewhere: dict[str, str]

    @property
    def comparable(self) -> pd.Series:
        """The costs that were measured with the same image."""
        return self.values.drop([*self.elsewhere])

    def label(self, variant: str) -> str:
        """The variant's name, with its image size if that is not the title's."""
        return f"{variant} ({self.elsewhere[variant]})" if variant in self.elsewhere else variant

    @staticmethod
    def gflops(results: Results) -> "list[Cost]":
        """Multiply-accumulates at the study's input size."""
        title = f"{results.study.data}, {conditions.size(results.sizes['study'])}"
        values = results.complexity["macs_study"] / 1e9
        note = "GFLOPs count one multiplication and one addition together as one, at this study's input size"
        return [Cost(title, "GFLOPs (multiply-accumulates)", values, {}, "gmacs", note, {})]

    @staticmethod
    def latency(results: Results, timings: Iterable[dict[str, Any]]) -> "list[Cost]":
        """Milliseconds per image, by device and mode, CPUs first. `timings` are results of latency records."""
        costs = []
        for timed in timings:
            rows = [row for row in timed["rows"] if row["mode"] in MODES and row["variant"] in results.study.variants]
            for (device, mode), group in groupby(sorted(rows, key=_way), _way):
                costs.append(_timed(timed, device, mode, list(group), results))
        return sorted(costs, key=lambda cost: not cost.title.startswith("cpu"))


def _way(row: dict[str, Any]) -> tuple[str, str]:
    return row["device"], row["mode"]


def _timed(timed: dict[str, Any], device: str, mode: str, rows: list[dict[str, Any]], results: Results) -> Cost:
    medians = pd.Series({row["variant"]: row["median_ms"] for row in rows})
    medians = medians.reindex([name for name in results.study.variants if name in medians])
    rounds = {row["variant"]: [np.median(each) for each in row["samples_ms"]] for row in rows if row["samples_ms"]}
    unstable = [row["variant"] for row in rows if not row["stable"]]
    described = timed["device"]
    named = f"{described['name']}, {conditions.threads(described['threads'])}" if device == "cpu" else device
    note = f"Timed on {named}, {mode}, batch {timed['batch']}"
    note += f" (not stable: {', '.join(unstable)})" if unstable else ""
    sizes = {row["variant"]: conditions.size(row.get("size", timed["size"])) for row in rows}
    usual, _ = Counter(sizes.values()).most_common(1)[0]
    elsewhere = {name: size for name, size in sizes.items() if size != usual}
    note += "; the front holds equal images only" if elsewhere else ""
    ranges = {name: (min(ms), max(ms)) for name, ms in rounds.items()}
    return Cost(f"{device}, {mode}, {usual}", "ms per image", medians, ranges, "ms", note, elsewhere)
