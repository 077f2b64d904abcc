"""Names that a user chose are text wherever they are shown: no HTML, no formula of a spreadsheet, no command."""

import csv
import io
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.figure import Figure

from analysis.figures import per_class, qualitative, style
from analysis.report.page import render
from analysis.results.results import read
from analysis.tables import accuracy
from pipeline.config.types import is_name
from pipeline.data.integrity import report
from pipeline.tracking.tracked import scores_of
from pipeline.utils.text import csv_cell, markdown
from tests.analysis import made as module
from tests.analysis.made import Made

CLASSES = ("<script>alert(1)</script>", "=cmd|' /C calc'!A0", r"$\frac", 'a"b | c', "@SUM(1)", "[x](javascript:1)")


@pytest.fixture
def results(tmp_path, monkeypatch):
    """A study whose classes and title are hostile."""
    monkeypatch.setattr(module, "CLASSES", CLASSES)
    made = Made(tmp_path, variants=("single", "d"), seeds=(0, 1), frames=3, fused={}).write()
    study = made.study.model_copy(update={"title": '</title><script>alert("title")</script>'})
    return read(study, made.results)


def test_class_names_and_titles_are_no_html_on_the_page(results):
    table = accuracy.table(results)
    page = render(results, None, {"accuracy": table}, {})
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page and "&lt;/title&gt;&lt;script&gt;" in page
    assert "<script>alert" not in page and "</title><script>" not in page
    assert len(re.findall(r"<script\b", page)) == page.count("<script>") == 1, "the page's own"


def test_class_names_are_neither_cells_nor_tags_nor_links_in_markdown(results):
    text = accuracy.table(results).markdown("<img src=x onerror=alert(1)>")
    assert "<script" not in text and "<img" not in text and "](" not in text
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) == 1, "every row has the same number of cells"


def test_class_names_are_no_formulas_in_csv(results):
    for row in csv.reader(io.StringIO(accuracy.table(results).csv())):
        for cell in row:
            assert not cell.startswith(("=", "@", "+")) and (cell[:1] != "-" or re.fullmatch(r"-[\d.e-]+", cell)), cell


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "-x", "=", "+a", "--", "+1+cmd|' /C calc'!A0", "-1 @SUM(A1)"],
)
def test_a_text_that_begins_like_a_formula_gets_an_apostrophe(text):
    assert csv_cell(text) == f"'{text}"


@pytest.mark.parametrize(
    "value",
    [
        "-1.5",
        "+0.3",
        "-",
        "3 %",
        "+4.1 % where 5.5 % is allowed, rounding included",
        "a=b",
        "",
        1.5,
        -2,
        None,
        float("inf"),
    ],
)
def test_numbers_and_other_texts_stay(value):
    assert csv_cell(value) is value


def test_class_names_are_no_formulas_and_no_tags_in_figures(results):
    with style.context():
        for draw in (per_class.draw, lambda found: pictures(found)):
            svg = style.render(draw(results), "svg")
            tags = {element.tag.rpartition("}")[2] for element in ElementTree.fromstring(svg).iter()}
            assert "script" not in tags and "<script>alert" not in svg.decode()


def pictures(results) -> Figure:
    labels = np.zeros((1, 8, 8), np.uint8)
    return qualitative.grid(results, {"truth": [*labels]}, np.zeros((7, 3), np.uint8), "caption")


def test_class_names_are_metrics_that_mlflow_allows():
    found = scores_of({"miou": 0.5, "pixel_accuracy": 0.5, "iou": dict.fromkeys((*CLASSES, "../up"), 0.5)})
    names = [name for name in found if name.startswith("iou/")]
    assert len(names) == len(CLASSES) + 1 and all(re.fullmatch(r"[\w\-. :/]+", name) for name in names)
    assert not any(".." in name for name in names)


def test_class_names_are_cells_of_the_report_of_a_data_set():
    classes = [{"name": name, "colour": [0, 0, 0]} for name in CLASSES]
    entry = {"count": 1, "size": [2, 2], "class_pixels": [1] * 6, "ignored_pixels": 0, "instances": False, "sha256": {}}
    text = report("mine", {"task": "segmentation", "classes": classes, "notes": [], "splits": {"train": entry}})
    assert "<script" not in text and "](" not in text
    for row in text.partition("## Classes")[2].splitlines():
        assert not row.startswith("|") or len(re.findall(r"(?<!\\)\|", row)) == 4, row


@pytest.mark.parametrize(
    "name", ["a;touch x", "a b", "$(touch x)", "`touch x`", "a'b", 'a"b', "a\nb", "../x", "{x}", "-rf"]
)
def test_what_reaches_a_shell_is_a_name(name):
    """Engines put data, images, recipes, variants, seeds and studies into commands; each of them is a `Name`."""
    assert not is_name(name)


def test_snakemake_puts_nothing_but_names_into_commands():
    assert "dict.fromkeys(stages.WILDCARDS, NAME.pattern)" in Path("Snakefile").read_text()


def test_a_name_with_a_line_break_stays_in_its_cell():
    assert markdown("a\n| b |") == r"a \| b \|"
