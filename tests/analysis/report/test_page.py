"""What the page says, read as a browser's parser would: nothing of it may get lost, and nothing may be executed."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from analysis.report.page import render
from pipeline.utils.errors import BadInput


class Document(HTMLParser):
    """The cells of each table by row, the page's text, and its anchors and links."""

    def __init__(self, page: str):
        super().__init__()
        self.rows: list[list[str]] = []
        self.text, self.anchors, self.links, self.tags = "", [], [], []
        self.in_cell = False
        self.feed(page)
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append(tag)
        self.anchors += [attributes["id"]] if "id" in attributes else []
        self.links += [attributes["href"]] if "href" in attributes else []
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
            self.in_cell = True

    def handle_endtag(self, tag):
        self.in_cell = self.in_cell and tag not in ("td", "th")

    def handle_data(self, text):
        self.text += text
        if self.in_cell:
            self.rows[-1][-1] += text


@pytest.fixture(scope="module")
def document(page) -> Document:
    return Document(page)


def test_every_verdict_has_its_row_with_paper_measured_and_error(document, verdicts):
    rows = {row[0]: [cell.strip() for cell in row] for row in document.rows if row}
    for claim in verdicts.to_dict("records"):
        table, name, _, paper, measured, error, verdict = rows[claim["id"]][1:8]
        assert (table, name, paper) == (f"Table {claim['table']}", claim["row"], claim["paper"])
        assert verdict.startswith(claim["verdict"]) and claim["reason"] in rows[claim["id"]][-1]
        if np.isnan(claim["measured"]):
            assert measured == "–" and "not measured" in error
        else:
            number, _, unit = measured.partition(" ")
            assert float(number) == pytest.approx(claim["measured"], rel=0.01)
            assert unit == ("MB" if claim["quantity"] == "parameters" else ""), "no bare number of megabytes"


def test_verdicts_are_counted_and_the_worst_cell_is_named(document, verdicts):
    for verdict, count in verdicts["verdict"].value_counts().items():
        assert f"{count} {verdict}" in document.text
    macs = verdicts[verdicts["quantity"] == "macs"]
    worst = macs.loc[macs["error"].abs().idxmax()]
    row = next(row for row in document.rows if row and row[0].startswith("MACs, the paper's own"))
    assert [cell.strip() for cell in row[4:]] == [f"{100 * abs(worst['error']):.1f} %", worst["id"]]


def test_a_repeated_number_counts_once_in_the_errors(results, verdicts):
    """By hand: four cells of two networks, of which two are the same number in two tables; the median is of three."""
    cells = verdicts[verdicts["quantity"] == "macs"][:4].assign(
        variant=["one", "one", "two", "three"], paper=["1.0", "1.0", "1.0", "2.0"], error=[0.2, 0.2, 0.01, -0.03],
        fitted=[True, True, False, False],
    )  # fmt: skip
    row = next(
        row for row in Document(render(results, cells, {}, {})).rows if row and "MACs, the paper's own" in row[0]
    )
    assert [cell.strip() for cell in row[1:5]] == ["3", "1", "3.0 %", "20.0 %"]


def test_every_link_within_the_page_leads_somewhere(document):
    inside = {link[1:] for link in document.links if link.startswith("#")}
    assert inside <= set(document.anchors)
    assert len(document.anchors) == len(set(document.anchors))


def test_every_number_of_a_run_leads_to_its_record(document, results):
    for path in results.records:
        assert path in document.anchors
        if "/runs/" in path:
            assert f"../{path.removeprefix('results/')}" in document.links
    scored = [path for path in results.records if path.endswith("scores.json")]
    assert all(f"#{path}" in document.links for path in scored)
    assert "#runs-of-dfanet-a" in document.links and "#results/made/latency.json" in document.links


def test_records_tell_commit_seed_parameters_and_data(document, whole):
    from tests.analysis.made import digest

    manifest = digest(whole.prepared / "streets/manifest.json")
    for words in (
        "commit 01234567",
        "seed 2",
        f"data streets {manifest[:8]}",
        manifest,
        "recipes.quick.training.batch_size",
    ):
        assert words in document.text


def test_conditions_and_contradictions_are_told(document):
    for words in (
        "0, 1, 2; all are reported",
        "torch 2.13.0",
        "16 ms would be 62.5, not 16.7",
        "on made-up streets",
    ):
        assert words in document.text


def test_the_conditions_that_stand_on_top_are_not_said_again(document):
    assert document.text.count("Data streets: 10 frames of split test") == 1


def test_markup_in_names_is_shown_and_not_executed(results, verdicts, parts):
    named = verdicts.assign(row=verdicts["row"] + "<script>alert(1)</script>", reason='"><img src=x onerror=alert(1)>')
    study = results.study.model_copy(update={"title": "<b>bold</b>"})
    document = Document(render(replace(results, study=study), named, **parts))
    assert document.tags.count("script") == 1 and "<script>alert(1)" in document.text
    assert document.tags.count("img") == len({Path(name).stem for name in parts["figures"]})
    assert "<b>bold</b>" in document.text


def test_equal_numbers_give_equal_bytes(results, verdicts, parts, page):
    again = render(
        results, verdicts.copy(), **parts, contradictions=["Table 5, SegNet: 16 ms would be 62.5, not 16.7."]
    )
    assert again == page


def test_interpretations_are_shown_with_their_errors_by_cell(results):
    def candidate(strided, error):
        return {"interpretation": {"strided": strided, "width": 64}, "median_macs": abs(error), "errors": [error, 0.01]}

    cells = [
        {"variant": name, "quantity": "macs", "tables": ["3"], "fitted_by": ["blocks"], "paper": 1.6}
        for name in ("backbone-a", "dfanet-a")
    ]
    result = {"candidates_counted": 2, "cells": cells, "candidates": [candidate(1, -0.021), candidate(3, 0.3)]}
    result["named"] = {"first": candidate(3, 0.3)}
    record = {"wildcards": {}, "params": {}, "inputs": {}, "outputs": {}, "result": result}
    record["conditions"] = {"commit": "fedcba9876543210"}
    document = Document(render(results, None, {}, {}, {"results/paper/interpretations.json": record}))
    rows = [[cell.strip() for cell in row] for row in document.rows]
    assert ["1", "2.1 %", "1"] in rows and ["2 (first)", "30.0 %", "3"] in rows, "the width is said above, once"
    assert ["backbone-a", "macs", "3", "blocks", "1.6", "−2.1 %", "+30.0 %"] in rows
    assert "width 64" in document.text and "fedcba98" in document.text


def test_what_is_missing_is_said(results):
    text = Document(render(results, None, {}, {})).text
    for words in (
        "There are no verdicts", "interpretations.json is missing", "This study has no tables",
        "This study has no figures", "were not searched for contradictions",
    ):  # fmt: skip
        assert words in text


def test_a_network_below_the_floor_is_said_on_top(made, verdicts):
    from analysis.results.results import read

    made.frames, made.errors["c"] = 4, 0.9
    text = Document(render(read(made.study, made.write().results), verdicts, {}, {})).text
    assert text.index("c is below the floor: too little trained") < text.index("Which of the paper’s numbers hold")


def test_notes_are_said_on_top(results, verdicts):
    text = Document(render(results, verdicts, {}, {}, notes=["claims.csv has changed since."])).text
    assert text.index("claims.csv has changed since.") < text.index("Which of the paper’s numbers hold")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda rows: rows.drop(columns=["error", "fitted"]), "lacks the columns error, fitted"),
        (
            lambda rows: rows.assign(verdict="maybe"),
            'the verdict of claim t2-0-gmacs is "maybe"; allowed are reproduced',
        ),
        (lambda rows: rows.assign(id="same"), "holds claim same twice"),
    ],
)
def test_a_verdict_that_the_page_would_lose_is_refused(results, verdicts, change, sentence):
    with pytest.raises(BadInput, match=re.escape(sentence)):
        render(results, change(verdicts), {}, {})
