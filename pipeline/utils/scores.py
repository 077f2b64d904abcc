"""The scores of a run: where its record holds each one, and where each one is shown.

One entry per score. The tables, metrics/, MLflow and the trade-off figure read this list, and a record without a
score gives an empty cell. A score of confusion matrices is computed by a function of `pipeline.utils.confusion`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ACCURACY, STRUCTURES, SUMMARY = "accuracy", "structures", "summary"
"""Where a score may be shown: the accuracy table, the structures table for readers, and metrics/."""


@dataclass(frozen=True)
class Metric:
    """One score. `structures.csv` and MLflow hold all of them."""

    name: str
    """Column in CSV files, and key in metrics/."""
    heading: str
    """Column in the tables for readers."""
    path: tuple[str | int, ...]
    """Keys that lead to it in the `result` of scores.json."""
    tracked: str
    """Name in MLflow."""
    shown: tuple[str, ...] = (ACCURACY, STRUCTURES, SUMMARY)
    panel: str = ""
    """Title of its panel in the trade-off figure; empty for no panel."""
    factor: float = 100
    """By what the recorded number is multiplied for readers: fractions are shown in %."""
    unit: str = "%"

    def read(self, result: Any) -> float:
        """The score in a record's `result`; NaN where the record lacks it."""
        for key in self.path:
            try:
                result = result[key]
            except (KeyError, IndexError, TypeError):
                return float("nan")
        return float("nan") if result is None else float(result)

    def text(self, value: float) -> str:
        """The score as readers see it, in `unit`."""
        return f"{self.factor * value:.1f}"


METRICS = [
    Metric("miou", "mIoU", ("miou",), "miou", (ACCURACY, SUMMARY), "mIoU"),
    Metric("pixel_accuracy", "pixel accuracy", ("pixel_accuracy",), "pixel_accuracy", (ACCURACY, SUMMARY)),
    Metric(
        "border_miou", "border mIoU", ("border", "miou"), "border/miou", (STRUCTURES, SUMMARY), panel="mIoU at borders"
    ),
]


def metrics(result: Mapping[str, Any]) -> list[Metric]:
    """All scores of a study; `result` is that of one of its score records and says the bins of object sizes."""
    bins = result.get("objects", {}).get("bins", [])
    return METRICS + [_recall(index, each) for index, each in enumerate(bins)]


def _recall(index: int, objects: Mapping[str, Any]) -> Metric:
    """Mean recall of the objects of one size. Of all sizes only the smallest is shown to readers."""
    smallest, largest = objects["above"] + 1, objects["upto"]
    sizes = f"from {smallest} px" if largest is None else f"{smallest} to {largest} px"
    return Metric(
        name=f"recall {sizes}".replace(" ", "_"),
        heading=f"recall {sizes}",
        path=("objects", "bins", index, "recall"),
        tracked=f"recall/{objects['above']} to {largest or 'any'} px",
        shown=() if index else (STRUCTURES, SUMMARY),
        panel="" if index else "Small objects",
        unit="recall, %",
    )
