"""A study's results in, its tables and figures out."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from analysis import accuracy_vs_gflops, claims, curves, markdown, per_class, qualitative, records, style, tables
from analysis.contradictions import contradictions
from analysis.report import page
from analysis.results import Results, read
from pipeline import paths
from pipeline.storage import atomic

if TYPE_CHECKING:
    from pipeline.params import Study


def analyse(
    study: "Study", folder: Path, results: Path = Path("results"), prepared: Path = Path("data/prepared")
) -> dict[str, dict[str, float]]:
    """Render the results of `study` below `results` into `folder`: tables/, figures/ and a page with all of them.

    Returned are the main numbers, by variant, floor and majority class, scores as fractions. `BadInput` names a result
    that is missing, cut short, or made with other parameters than the rest. Without prepared frames the pictures show
    predictions alone.
    """
    found = read(study, results)
    accuracy, structures = tables.accuracy(found), tables.structures(found)
    summary = _summary(found, structures)
    files = {
        "metrics.json": (json.dumps(summary, indent=1) + "\n").encode(),
        "tables/accuracy.csv": _csv(accuracy),
        "tables/accuracy.md": markdown.accuracy(found, accuracy).encode(),
        "tables/structures.csv": _csv(structures),
        "tables/structures.md": markdown.structures(found, structures).encode(),
        **_figures(found, prepared / study.data),
    }
    files["report.html"] = _report(found, files, prepared / study.data)
    for name, content in files.items():
        _write(folder / name, content)
    return summary


def _figures(found: Results, prepared: Path) -> dict[str, bytes]:
    with style.context():
        figures = {
            "accuracy_vs_gflops": accuracy_vs_gflops.draw(found, claims.points(claims.read())),
            "curves": curves.draw(found),
            "per_class": per_class.draw(found),
        }
        both = {
            f"figures/{name}.{kind}": style.render(figure, kind)
            for name, figure in figures.items()
            for kind in ("svg", "png")
        }
        return both | {"figures/qualitative.png": style.render(qualitative.draw(found, prepared), "png")}


def _report(found: Results, files: dict[str, bytes], prepared: Path) -> bytes:
    """The page, with every table and figure among `files`, and the data's manifest if it is at hand."""
    tables = {Path(name).stem: content.decode() for name, content in files.items() if name.endswith(".md")}
    figures = {Path(name).name: content for name, content in files.items() if name.startswith("figures/")}
    manifest = prepared / "manifest.json"
    named = paths.fill(paths.MANIFEST, data=found.study.data).as_posix()
    others = {named: records.read(manifest, data=found.study.data)} if manifest.exists() else {}
    return page.render(found, None, tables, figures, others, contradictions(claims.read())).encode()


def _summary(found: Results, structures: pd.DataFrame) -> dict[str, dict[str, float]]:
    smallest = next(column for column in structures if column.startswith("recall_"))
    table = structures.set_index("variant").assign(gmacs=lambda rows: rows["macs_study"] / 1e9)
    table = table[["miou", "difference", "pixel_accuracy", "border_miou", smallest, "gmacs"]].round(4)
    rows: dict[str, dict[str, float]] = {name: row.dropna().to_dict() for name, row in table.iterrows()}
    for name, scores in {"floor": found.floor, "majority class": found.floor["majority"]}.items():
        rows[name] = {key: round(scores[key], 4) for key in ("miou", "pixel_accuracy")}
    return rows


def _csv(table: pd.DataFrame) -> bytes:
    return table.to_csv(index=False, lineterminator="\n").encode()


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic(path) as temporary:
        temporary.write_bytes(content)
