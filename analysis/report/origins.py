"""From a number to what made it: which record, commit, parameters, seed and data."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from analysis.report.cells import Table
from analysis.results.records import Record, flatten
from pipeline.config import paths

if TYPE_CHECKING:
    from pipeline.config.study import Study

COMPLEXITY = "results/paper/complexity.json"
INTERPRETATIONS = "results/paper/interpretations.json"


@dataclass(frozen=True)
class Entry:
    """A record as the page tells of it; `anchor` is its name there, `file` its path from the page."""

    anchor: str
    path: str
    file: str
    summary: dict[str, str]
    params: dict[str, Any]
    data: dict[str, str]
    conditions: dict[str, Any]


class Origins:
    """Anchors of the records of a study, by its variants and seeds; "" where there is no such record."""

    def __init__(self, study: "Study", records: Mapping[str, Record]):
        """`records` are by their path under results/ (or data/, for what was prepared)."""
        self.study, self.records = study, records
        self._wildcards = {"study": study.name, "data": study.data, "images": study.images, "recipe": study.recipe}

    def record(self, pattern: str, variant: str = "", seed: object = "") -> str:
        path = paths.fill(pattern, **self._wildcards, variant=variant, seed=seed).as_posix()
        return f"#{path}" if path in self.records else ""

    def runs(self, variant: str) -> str:
        """All records of a variant's runs."""
        return f"#runs-of-{variant}" if variant in self.study.variants else ""

    def of_claim(self, quantity: str, variant: str) -> str:
        if quantity == "miou":
            return self.runs(variant)
        if quantity in ("macs", "parameters"):
            return self.record(COMPLEXITY)
        return self.record(f"{paths.RESULTS}/latency.json")

    def of_column(self, row: str, heading: str) -> str:
        """Of a cell of a study's table: rows are variants (or the floor), headings those of analysis.markdown."""
        if row in ("floor", "majority class"):
            return self.record(f"{paths.FLOOR}/floor.json")
        if row not in self.study.variants:
            return ""
        if heading.startswith(("GMACs", "parameters", "float32")):
            return self.record(paths.COMPLEXITY, row)
        if heading.startswith("ms,"):
            return self.record(f"{paths.RESULTS}/latency.json")
        before, _, seed = heading.rpartition("seed ")
        return self.record(f"{paths.RUN}/scores.json", row, seed) if before else self.runs(row)

    def linked(self, table: Table) -> Table:
        """The table with each number leading to what made it."""
        rows = [
            [
                replace(cell, href="" if cell.value is None else self.of_column(row[0].text, heading))
                for heading, cell in zip(table.columns, row, strict=False)
            ]
            for row in table.rows
        ]
        return replace(table, rows=rows)

    def groups(self) -> dict[tuple[str, str], list[Entry]]:
        """Every record once: those of the whole study, then each variant's; keys are (anchor, heading)."""
        found: dict[tuple[str, str], list[Entry]] = {("shared-records", "The whole study"): []}
        found |= {(f"runs-of-{name}", name): [] for name in self.study.variants}
        for path, record in self.records.items():
            variant = record["wildcards"].get("variant", "")
            key = (f"runs-of-{variant}", variant)
            found[key if key in found else ("shared-records", "The whole study")].append(entry(path, record))
        return {key: sorted(entries, key=lambda each: each.path) for key, entries in found.items() if entries}


def entry(path: str, record: Record) -> Entry:
    made = record["conditions"]
    summary = {
        "commit": commit(made),
        "seed": record["wildcards"].get("seed", ""),
        "data": _data(record),
        "parameters": fingerprint(record["params"]),
        "device": ", ".join(each for each in (made.get("device", ""), threads(made)) if each),
        "finished": made.get("finished", "").replace("T", " ").removesuffix("+00:00"),
    }
    sources = record.get("sources", {})
    conditions = flatten({key: value for key, value in made.items() if key not in ("commit", "dirty", "finished")})
    return Entry(
        anchor=path,
        path=path,
        file=f"../{path.removeprefix('results/')}" if path.startswith("results/") else "",
        summary={key: value for key, value in summary.items() if value},
        params=flatten(record["params"]),
        data={**record["inputs"], **record["outputs"]},
        conditions=conditions | {"sources": f"{len(sources)} files, together {fingerprint(sources)}"},
    )


def commit(made: Mapping[str, Any]) -> str:
    """A commit, short; what is not in it is said."""
    return made["commit"][:8] + (" with uncommitted changes" if made.get("dirty") else "")


def fingerprint(tree: Any) -> str:
    """The first digits of a SHA-256 over the JSON of something, keys sorted."""
    return hashlib.sha256(json.dumps(tree, sort_keys=True).encode()).hexdigest()[:8]


def _data(record: Record) -> str:
    """The prepared data that a record was made from, by name and digest of its manifest."""
    manifests = [(path.split("/")[-2], digest) for path, digest in record["inputs"].items() if "manifest" in path]
    return ", ".join(f"{name} {digest[:8]}" for name, digest in manifests)


def threads(made: Mapping[str, Any]) -> str:
    """The number of CPU threads, if it is known."""
    count = made.get("threads")
    return "" if count is None else f"{count} thread{'s' if count > 1 else ''}"
