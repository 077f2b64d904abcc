"""A study's report: one HTML page that holds everything, opens from a file, and needs no network."""

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.claims.verdicts import meaning
from analysis.registry import FIGURES, TABLES
from analysis.report import conditions, interpretations, provenance, verdicts
from analysis.results import registration
from analysis.results.conditions import all_of
from analysis.results.origins import Origins
from analysis.results.results import Results
from analysis.tables.table import Table
from analysis.tables.verdicts import KNOWN, bounds, errors
from pipeline.config import paths
from pipeline.utils.records import Record

HERE = Path(__file__).parent
MIME = {".svg": "image/svg+xml", ".png": "image/png"}
EFFECTS = "effects"
"""The table and the figure that answer the study's question. The page shows them first."""
INCREMENTS = "increments"
ORDER = "order"
"""The table that the page shows first if no run is scored."""
ELSEWHERE = (EFFECTS, INCREMENTS, "verdicts")
"""Tables that the page shows in a section of their own."""


def render(
    found: Results,
    judged: pd.DataFrame | None,
    tables: Mapping[str, Table],
    figures: Mapping[str, bytes],
    others: Mapping[str, Record] | None = None,
    contradictions: Sequence[str] | None = None,
    notes: Sequence[str] = (),
) -> str:
    """The page of a study. Equal numbers give equal bytes.

    `judged` has one row per claim (`verdicts.COLUMNS`), `tables` are by name, `figures` are SVG or PNG by file name,
    `others` are records that do not belong to the study alone, by path, and `contradictions` are sentences about where
    the paper disagrees with itself. `notes` stand on top. The page says what is missing. `BadInput` for a verdict that
    it could not show.
    """
    records = found.records | dict(others or {})
    *warnings, sentence = all_of(found)
    first = EFFECTS if found.any_runs else ORDER
    drawn = [_figure(name, content) for name, content in _preferred(figures).items()]
    return _template().render(
        study=found.study,
        warnings=[*notes, *warnings],
        sentence=sentence,
        registration=registration.sentence(found),
        increments=tables[INCREMENTS].parts if INCREMENTS in tables else [],
        effects=tables[first].parts if first in tables else [],
        answer=[figure for figure in drawn if Path(figure["file"]).stem == EFFECTS],
        verdicts=None if judged is None else _judged(judged, Origins(found.study, records)),
        contradictions=contradictions,
        tables=[(TABLES[name].title, table.parts) for name, table in tables.items() if name not in (*ELSEWHERE, first)],
        figures=[figure for figure in drawn if Path(figure["file"]).stem != EFFECTS],
        interpretations=interpretations.parts(records.get(paths.INTERPRETATIONS)),
        conditions=conditions.pairs(found, records),
        provenance=provenance.groups(found.study, records),
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
        "meaning": meaning(judged),
        "counts": verdicts.counts(judged),
        "errors": errors(judged),
        "known": KNOWN,
        "bounds": bounds(judged),
        "grids": verdicts.grids(judged),
        "tables": verdicts.side_by_side(judged, origins),
        "failed": verdicts.failed(judged, origins),
        "open": verdicts.open_ones(judged),
        "listed": verdicts.listed(judged, origins),
    }


def _preferred(figures: Mapping[str, bytes]) -> dict[str, bytes]:
    """The SVG of each figure that has both formats."""
    stems = {Path(name).stem: name for name in sorted(figures, key=lambda name: name.endswith(".svg"))}
    return {name: content for name, content in figures.items() if name in stems.values()}


def _figure(name: str, content: bytes) -> dict[str, str]:
    path, output = Path(name), FIGURES[Path(name).stem]
    uri = f"data:{MIME[path.suffix]};base64,{base64.b64encode(content).decode()}"
    return {"title": output.title, "caption": output.caption, "file": path.name, "uri": uri}
