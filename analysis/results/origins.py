"""Where a number comes from: links to the records of a study, as the report page names them."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pipeline.config import paths
from pipeline.utils.records import Record

if TYPE_CHECKING:
    from pipeline.config.study import Study

TRAIN, SCORES = f"{paths.RUN}/train.json", f"{paths.RUN}/scores.json"
FLOOR, LATENCY = f"{paths.FLOOR}/floor.json", f"{paths.RESULTS}/latency.json"
Origin = Callable[[Mapping[str, Any]], str]
"""From a table's row to a link."""


class Origins:
    """Links to the records of a study, by its variants and seeds; "" where there is no such record."""

    def __init__(self, study: "Study", records: Mapping[str, Record]):
        """`records` are by their path under results/ (under data/ for prepared data)."""
        self.study, self.records = study, records
        self._wildcards = {"study": study.name, "data": study.data, "images": study.images, "recipe": study.recipe}

    def record(self, pattern: str, variant: str = "", seed: object = "") -> str:
        """The record whose path is `pattern`, filled in."""
        path = paths.fill(pattern, **self._wildcards, variant=variant, seed=seed).as_posix()
        return f"#{path}" if path in self.records else ""

    def of(self, pattern: str, seed: object = "") -> Origin:
        """From a row to the record of its `variant`."""
        return lambda row: self.record(pattern, row.get("variant", ""), row.get("seed", seed))

    def runs(self, variant: str) -> str:
        """All records of a variant's runs."""
        return f"#runs-of-{variant}" if variant in self.study.variants else ""

    def of_runs(self, row: Mapping[str, Any]) -> str:
        """From a row to all runs of its `variant`."""
        return self.runs(row["variant"])

    def of_claim(self, quantity: str, variant: str) -> str:
        """What a claim's measured number comes from."""
        if quantity == "miou":
            return self.runs(variant)
        return self.record(paths.PAPER_COMPLEXITY if quantity in ("macs", "parameters") else LATENCY)
