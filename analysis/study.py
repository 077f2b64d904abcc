"""The entry point of the analysis: reads a study's results and writes its tables, its figures and a report."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.figures import style
from analysis.inputs import Inputs
from analysis.registry import FIGURES, TABLES
from analysis.report import page
from analysis.tables.table import Table
from pipeline.utils.files import write
from pipeline.utils.scores import SUMMARY

if TYPE_CHECKING:
    from pipeline.config.study import Study

Numbers = dict[str, dict[str, float]]


def analyse(
    study: "Study",
    folder: Path,
    results: Path = Path("results"),
    prepared: Path = Path("data/prepared"),
    notes: Sequence[str] = (),
    unfinished: bool = False,
) -> Numbers:
    """Write the tables and figures of `study`, and a page with all of them, to `folder`.

    Returns the main numbers by variant, with the floor and the majority class; scores are fractions. `BadInput` names a
    result that is missing, cut short, made with other parameters than the rest, or whose numbers its arrays do not
    give; then nothing is written. Without prepared frames, pictures show predictions only. The page begins with
    `notes`. With `unfinished`, runs may be missing.
    """
    inputs = Inputs(study, results, prepared, unfinished)
    tables = {name: output.make(inputs) for name, output in TABLES.items()}
    figures, summary = _figures(inputs), _summary(inputs)
    files = {"metrics.json": json.dumps(summary, indent=1) + "\n", **_tables(study.title, tables)}
    files |= {f"figures/{name}": content for name, content in figures.items()}
    files["report.html"] = page.render(
        inputs.results, inputs.judged, tables, figures, inputs.records, inputs.contradictions, notes
    )
    for name, content in files.items():
        write(folder / name, content if isinstance(content, bytes) else content.encode())
    return summary


def _tables(title: str, tables: dict[str, Table]) -> dict[str, str]:
    files = {f"tables/{name}.csv": tables[name].csv() for name in tables if "csv" in TABLES[name].formats}
    return files | {
        f"tables/{name}.md": table.markdown(f"{TABLES[name].title}: {title}") for name, table in tables.items()
    }


def _figures(inputs: Inputs) -> dict[str, bytes]:
    """The files of all figures, by name."""
    with style.context():
        drawn = {name: output.make(inputs) for name, output in FIGURES.items()}
        return {
            f"{name}.{kind}": style.render(figure, kind)
            for name, figure in drawn.items()
            for kind in FIGURES[name].formats
        }


def _summary(inputs: Inputs) -> Numbers:
    """The scores that metrics.json holds, with the difference to the baseline and the MACs."""
    results, structures = inputs.results, inputs.structures.set_index("variant")
    scores = [metric for metric in results.metrics if SUMMARY in metric.shown]
    shown = {"difference", *(metric.name for metric in scores)}
    table = structures[[column for column in structures if column in shown]]
    table = table.assign(gmacs=structures["macs_study"] / 1e9).round(4)
    rows: Numbers = {name: row.dropna().to_dict() for name, row in table.iterrows()}
    for name, recorded in {"floor": results.floor, "majority class": results.floor["majority"]}.items():
        read = {metric.name: round(metric.read(recorded), 4) for metric in scores}
        rows[name] = {key: value for key, value in read.items() if value == value}  # NaN where not recorded
    return rows
