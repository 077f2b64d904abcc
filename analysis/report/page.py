"""A study's report: one HTML page with everything in it, that opens from a file and asks no network."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.report import cells, conditions, interpretations, verdicts
from analysis.report.origins import INTERPRETATIONS, Origins
from analysis.results.conditions import all_of
from analysis.results.records import Record
from analysis.results.results import Results
from analysis.tables.verdict_page import KNOWN

HERE = Path(__file__).parent
MIME = {".svg": "image/svg+xml", ".png": "image/png"}
NAMES = {
    "accuracy_vs_gflops": "Accuracy against multiply-accumulates",
    "accuracy_vs_latency": "Accuracy against latency",
    "trade_off": "What the structures trade",
    "architecture": "The architecture, drawn from the model",
    "networks": "What each network of an aggregation predicts",
    "curves": "Training curves",
    "per_class": "IoU of each class",
    "qualitative": "Predictions beside the truth",
}
"""Headings of figures; one that is not named here is called by its file's name."""
ELSEWHERE = ("verdicts", "interpretations")
"""Tables that the page draws itself."""


def render(
    found: Results,
    judged: pd.DataFrame | None,
    tables: Mapping[str, str],
    figures: Mapping[str, bytes],
    others: Mapping[str, Record] | None = None,
    contradictions: Sequence[str] | None = None,
) -> str:
    """The page of a study, the same for the same numbers.

    `judged` has a row a claim (`verdicts.COLUMNS`); `tables` is Markdown by name, `figures` SVG or PNG by file name;
    `others` are records besides the study's own, by path: the paper's complexity, the interpretations, manifests;
    `contradictions` are sentences on where the paper disagrees with itself. What is not given is said to be missing.
    `BadInput` for a verdict that the page could not show.
    """
    records = found.records | dict(others or {})
    origins = Origins(found.study, records)
    *warnings, sentence = all_of(found)
    return _template().render(
        study=found.study,
        warnings=warnings,
        sentence=sentence,
        verdicts=None if judged is None else _judged(judged, origins),
        contradictions=contradictions,
        tables=[
            _study_table(name, text, origins, said=[*warnings, sentence])
            for name, text in tables.items()
            if name not in ELSEWHERE
        ],
        figures=[_figure(name, content) for name, content in _preferred(figures).items()],
        interpretations=interpretations.parts(records.get(INTERPRETATIONS)),
        conditions=conditions.pairs(found, records),
        provenance=origins.groups(),
        css=(HERE / "page.css").read_text(),
        script=(HERE / "page.js").read_text(),
    )


def _template() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("page.html")


def _judged(judged: pd.DataFrame, origins: Origins) -> dict[str, Any]:
    verdicts.check(judged)
    return {
        "count": len(judged),
        "counts": verdicts.counts(judged),
        "errors": verdicts.errors(judged),
        "known": KNOWN,
        "bounds": verdicts.bounds(judged),
        "grids": verdicts.grids(judged),
        "tables": verdicts.side_by_side(judged, origins),
        "failed": verdicts.failed(judged, origins),
        "open": verdicts.open_ones(judged),
        "listed": verdicts.listed(judged, origins),
    }


def _study_table(name: str, text: str, origins: Origins, said: Sequence[str]) -> list[cells.Part]:
    """A Markdown page, its numbers leading to their records, without the study's title and what was `said` on top."""
    title = name.replace("_", " ").capitalize()
    new = [each for each in cells.parts(text, title) if not each.heading.startswith(f"{title}:")]
    new = [each for each in new if not each.text or each.text not in said]
    linked = (replace(each, table=origins.linked(each.table)) if each.table else each for each in new)
    return [cells.Part(heading=title), *linked]


def _preferred(figures: Mapping[str, bytes]) -> dict[str, bytes]:
    """Of a figure in both formats the SVG."""
    stems = {Path(name).stem: name for name in sorted(figures, key=lambda name: name.endswith(".svg"))}
    return {name: content for name, content in figures.items() if name in stems.values()}


def _figure(name: str, content: bytes) -> dict[str, str]:
    path = Path(name)
    uri = f"data:{MIME[path.suffix]};base64,{base64.b64encode(content).decode()}"
    return {"title": NAMES.get(path.stem, path.stem.replace("_", " ").capitalize()), "file": path.name, "uri": uri}
