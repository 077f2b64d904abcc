"""The entry point of the analysis: reads a study's results and writes its tables, its figures and a report."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from analysis import summary
from analysis.figures import style
from analysis.inputs import Inputs
from analysis.registry import FIGURES, TABLES, Output
from analysis.report import page
from analysis.tables.table import Table
from pipeline.utils.files import write

if TYPE_CHECKING:
    from pipeline.config.study import Study


def analyse(
    study: "Study",
    folder: Path,
    results: Path = Path("results"),
    prepared: Path = Path("data/prepared"),
    notes: Sequence[str] = (),
    unfinished: bool = False,
) -> summary.Numbers:
    """Write the tables and figures of `study`, and a page with all of them, to `folder`.

    Returns the main numbers by variant, with the floor and the majority class; scores are fractions. `BadInput` names a
    result that is missing, cut short, made with other parameters than the rest, or whose numbers its arrays do not
    give; then nothing is written. Without prepared frames, pictures show predictions only. The page begins with
    `notes`. With `unfinished`, runs may be missing; if all are, times and counts are shown alone.
    """
    inputs = Inputs(study, results, prepared, unfinished)
    tables = {name: output.make(inputs) for name, output in TABLES.items() if _shown(output, inputs)}
    figures, numbers = _figures(inputs), summary.numbers(inputs) if inputs.results.any_runs else {}
    files = {**(summary.files(numbers, inputs.results) if numbers else {}), **_tables(study.title, tables)}
    files |= {f"figures/{name}": content for name, content in figures.items()}
    files["report.html"] = page.render(
        inputs.results, inputs.judged, tables, figures, inputs.records, inputs.contradictions, notes
    )
    for name, content in files.items():
        write(folder / name, content if isinstance(content, bytes) else content.encode())
    for path in folder.glob("metrics/*"):  # of a variant that the study no longer has
        if f"metrics/{path.name}" not in files:
            path.unlink()
    return numbers


def _shown(output: Output, inputs: Inputs) -> bool:
    return inputs.results.any_runs or not output.of_runs


def _tables(title: str, tables: dict[str, Table]) -> dict[str, str]:
    files = {f"tables/{name}.csv": tables[name].csv() for name in tables if "csv" in TABLES[name].formats}
    return files | {
        f"tables/{name}.md": table.markdown(f"{TABLES[name].title}: {title}") for name, table in tables.items()
    }


def _figures(inputs: Inputs) -> dict[str, bytes]:
    """The files of all figures, by name."""
    with style.context():
        drawn = {name: output.make(inputs) for name, output in FIGURES.items() if _shown(output, inputs)}
        return {
            f"{name}.{kind}": style.render(figure, kind)
            for name, figure in drawn.items()
            for kind in FIGURES[name].formats
        }
