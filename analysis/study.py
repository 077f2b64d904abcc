"""A study's results in, its tables and figures out."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from analysis.claims import claims
from analysis.claims.claims import Claim
from analysis.claims.contradictions import contradictions
from analysis.figures import (
    accuracy_vs_cost,
    architecture,
    curves,
    networks,
    per_class,
    qualitative,
    roofline,
    style,
    trade_off,
)
from analysis.report import page
from analysis.results import latency, records
from analysis.results.cost import Cost
from analysis.results.records import Record
from analysis.results.results import Results, read
from analysis.tables import frames, health, markdown, table1, verdict_page
from pipeline.config import paths
from pipeline.utils.files import atomic

if TYPE_CHECKING:
    from pipeline.config.study import Study

EAGER = "eager float32"
"""What deployment forms are compared with."""


def analyse(
    study: "Study", folder: Path, results: Path = Path("results"), prepared: Path = Path("data/prepared")
) -> dict[str, dict[str, float]]:
    """Render the results of `study` below `results` into `folder`: tables/, figures/ and a page with all of them.

    Returned are the main numbers, by variant, floor and majority class, scores as fractions. `BadInput` names a result
    that is missing, cut short, or made with other parameters than the rest. Without prepared frames the pictures show
    predictions alone.
    """
    found, paper = read(study, results), _paper(results)
    accuracy, structures = frames.accuracy(found), frames.structures(found)
    latencies, timing = _latency(found)
    of, tolerances = claims.read(), claims.tolerances()
    judged, disagreements = verdict_page.judge(found, paper, of, tolerances), contradictions(of)
    summary = _summary(found, structures)
    files = {
        "metrics.json": (json.dumps(summary, indent=1) + "\n").encode(),
        "tables/accuracy.csv": _csv(accuracy),
        "tables/accuracy.md": markdown.accuracy(found, accuracy).encode(),
        "tables/structures.csv": _csv(structures),
        "tables/structures.md": markdown.structures(found, structures).encode(),
        "tables/health.csv": _csv(health.table(found)),
        "tables/health.md": health.markdown(found).encode(),
        "tables/latency.csv": _csv(latencies),
        "tables/latency.md": timing.encode(),
        "tables/table1.md": table1.markdown(paper[paths.PAPER_COMPLEXITY]["result"]["table1"]).encode(),
        "tables/verdicts.csv": _csv(judged),
        "tables/verdicts.md": verdict_page.render(study.title, judged, tolerances, disagreements).encode(),
        **_figures(found, structures, of, paper[paths.PAPER_COMPLEXITY]["result"], prepared / study.data),
    }
    others = paper | _manifest(study.data, prepared)
    files["report.html"] = _report(found, files, judged, others, disagreements)
    for name, content in files.items():
        _write(folder / name, content)
    return summary


def _paper(results: Path) -> dict[str, Record]:
    """The records that belong to the paper and to no study, by path."""
    named = (paths.PAPER_COMPLEXITY, paths.INTERPRETATIONS)
    return {path: records.read(results / Path(path).relative_to("results")) for path in named}


def _manifest(data: str, prepared: Path) -> dict[str, Record]:
    path = prepared / data / "manifest.json"
    named = paths.fill(paths.MANIFEST, data=data).as_posix()
    return {named: records.read(path, data=data)} if path.exists() else {}


def _latency(found: Results) -> tuple[pd.DataFrame, str]:
    """The study's latencies and, if there are any, the deployment forms', as one table and as text."""
    base = latency.baseline(found.latency, found.study.baseline)
    parts = [(found.latency, base, None)]
    if found.forms:
        parts.append((found.forms, found.study.forms, EAGER))
    found_tables = [latency.table(result, against, mode) for result, against, mode in parts]
    texts = [latency.markdown(part[0], table, *part[1:]) for part, table in zip(parts, found_tables, strict=True)]
    together = pd.concat(found_tables, keys=["variants", "forms"][: len(parts)], names=["timed"]).reset_index(0)
    return together, "\n".join(texts)


def _figures(
    found: Results, structures: pd.DataFrame, of: list[Claim], counted: dict[str, Any], prepared: Path
) -> dict[str, bytes]:
    points = claims.points(of)
    with style.context():
        figures = {
            "accuracy_vs_gflops": accuracy_vs_cost.draw(found, points, Cost.gflops(found)),
            "accuracy_vs_latency": accuracy_vs_cost.draw(found, points, Cost.latency(found, [found.latency])),
            "curves": curves.draw(found),
            "per_class": per_class.draw(found),
            "trade_off": trade_off.draw(found, structures),
            "architecture": architecture.draw(**counted["architecture"]),
            "roofline": roofline.draw(found.latency),
        }
        both = {
            f"figures/{name}.{kind}": style.render(figure, kind)
            for name, figure in figures.items()
            for kind in ("svg", "png")
        }
        pictures = {"qualitative": qualitative.draw(found, prepared), "networks": networks.draw(found, prepared)}
        return both | {f"figures/{name}.png": style.render(figure, "png") for name, figure in pictures.items()}


def _report(
    found: Results, files: dict[str, bytes], judged: pd.DataFrame, others: dict[str, Record], disagreements: list[str]
) -> bytes:
    tables = {Path(name).stem: content.decode() for name, content in files.items() if name.endswith(".md")}
    figures = {Path(name).name: content for name, content in files.items() if name.startswith("figures/")}
    return page.render(found, judged, tables, figures, others, disagreements).encode()


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
