"""A score is one entry, and so is a figure: what is added there appears everywhere, and old records stay readable."""

import json
import subprocess
import sys
from importlib import import_module

import pandas as pd
import pytest

from analysis import study
from analysis.figures import trade_off
from analysis.registry import CAPTIONS, FIGURES, TABLES, Output
from analysis.results.results import read
from pipeline.config import params
from pipeline.graph import graph
from pipeline.graph.stages import STAGES
from pipeline.tracking import tracked
from pipeline.utils import scores
from pipeline.utils.scores import Metric

SHARPNESS = Metric("sharpness", "sharpness", ("border", "sharpness"), "border/sharpness", panel="Sharpness")


def add_sharpness(path, value):
    record = json.loads(path.read_text())
    record["result"]["border"]["sharpness"] = value
    path.write_text(json.dumps(record))


def column(markdown, heading):
    """A column of a Markdown table, by the first cell of each row."""
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in markdown.split("## ")[0].splitlines()]
    headings = next(row for row in rows if heading in row)
    return {row[0]: row[headings.index(heading)] for row in rows if len(row) == len(headings)}


@pytest.fixture
def newer(made, monkeypatch):
    """A study with a score that only the records of `d` hold."""
    monkeypatch.setattr(scores, "METRICS", [*scores.METRICS, SHARPNESS])
    made.variants, made.seeds, made.frames = ("single", "d"), (0, 1, 2), 3
    made.write()
    for seed in made.seeds:
        add_sharpness(made.run("d", seed) / "scores.json", 0.25 + seed / 10)
    return made


def test_a_score_is_in_every_table_and_a_record_without_it_has_an_empty_cell(newer, monkeypatch):
    monkeypatch.setattr(study, "FIGURES", {})
    numbers = study.analyse(newer.study, newer.root / "out", newer.results, newer.prepared)
    tables = newer.root / "out/tables"
    accuracy = pd.read_csv(tables / "accuracy.csv").set_index("model")["sharpness"]
    assert accuracy["d"].tolist() == [0.25, 0.35, 0.45] and accuracy[["single", "floor", "majority class"]].isna().all()
    structures = pd.read_csv(tables / "structures.csv").set_index("variant")["sharpness"]
    assert structures["d"] == pytest.approx(0.35) and pd.isna(structures["single"])
    for name, rows in (("structures", {"single": "-", "d": "35.0"}), ("accuracy", {"floor": "-", "d": "35.0"})):
        found = column((tables / f"{name}.md").read_text(), "sharpness")
        assert {row: found[row] for row in rows} == rows, name
    metrics = {path.stem: json.loads(path.read_text()) for path in (newer.root / "out/metrics").iterdir()}
    assert metrics == numbers
    assert numbers["d"]["sharpness"] == 0.35 and not any("sharpness" in numbers[row] for row in ("single", "floor"))


def test_a_score_is_tracked_and_drawn(newer):
    results = read(newer.study, newer.results)
    logged = {run: tracked.scores_of(record["result"]) for run, record in results.score.items()}
    assert logged["d", 1]["border/sharpness"] == 0.35 and logged["single", 1]["border/sharpness"] is None
    titles = [axes.get_title() for axes in trade_off.draw(results).axes]
    assert titles[:3] == ["mIoU", "mIoU at borders", "Sharpness"]


def test_a_score_that_no_record_holds_has_no_panel(whole, monkeypatch):
    monkeypatch.setattr(scores, "METRICS", [*scores.METRICS, SHARPNESS])
    figure = trade_off.draw(read(whole.study, whole.results))
    assert "Sharpness" not in [axes.get_title() for axes in figure.axes]


@pytest.mark.parametrize("output", [*FIGURES.values(), *TABLES.values()], ids=lambda output: output.name)
def test_every_entry_has_a_caption_and_a_function(output):
    assert output.caption.endswith(".")
    assert callable(getattr(import_module(output.module), output.function.rpartition(".")[2]))


def test_no_caption_is_left_over():
    assert {path.stem for path in CAPTIONS.glob("*.rst")} == {*FIGURES, *TABLES, "report"}


def test_the_graph_names_the_files_and_the_modules_of_every_entry():
    outputs, loaded = STAGES["analyse"].output_patterns, params.load()
    sources = {str(path) for path in graph.job(loaded, "analyse", {"study": loaded.study.name}).sources}
    for folder, entries in (("figures", FIGURES), ("tables", TABLES)):
        for name, output in entries.items():
            assert all(f"results/{{study}}/{folder}/{name}.{kind}" in outputs for kind in output.formats)
            assert f"{output.module.replace('.', '/')}.py" in sources
            assert f"analysis/registry/captions/{name}.rst" in sources


def test_an_entry_makes_its_figure_from_what_it_takes():
    output = Output("new", "New", "analysis.results.conditions.size", ("sides",))
    assert output.make(type("Inputs", (), {"sides": [3, 4]})) == "3x4"


def test_the_graph_loads_no_figure():
    check = "import sys, pipeline.graph.graph; sys.exit('matplotlib' in sys.modules or 'pandas' in sys.modules)"
    subprocess.run([sys.executable, "-c", check], check=True)
