"""Claims against the paper's tables, and what is refused."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from analysis.claims import claims
from analysis.claims.contradictions import contradictions
from pipeline.utils.errors import BadInput

PAPER = Path("data/paper")
QUANTITIES = {"gmacs": "macs", "params_m": "parameters", "miou_val": "miou", "miou_test": "miou", "time_ms": "time"}


@pytest.fixture(scope="module")
def everything():
    return claims.read(PAPER)


def cells(number):
    """(row, quantity, text) of each cell of a table that holds a number."""
    table = pd.read_csv(PAPER / f"table{number}.csv", dtype=str)
    if "scale" in table:
        table["model"] += table["scale"].map(lambda scale: "" if scale == "1.0" else f" at {scale}")
    printed = table.drop(columns=["scale", "input_size"], errors="ignore").melt("model").dropna()
    return {(row, QUANTITIES.get(column, column), text) for row, column, text in printed.itertuples(index=False)}


@pytest.mark.parametrize("number", [2, 3, 4, 5])
def test_every_cell_of_the_paper_is_a_claim_digit_for_digit(everything, number):
    claimed = {(each.row, each.quantity, each.printed) for each in everything if each.place == f"Table {number}"}
    assert claimed == cells(number)


def test_table_5_is_claimed_at_the_sizes_it_prints(everything):
    """It prints columns first for SegNet and ENet; DFANet A' sees half of the frame that it is given."""
    printed = pd.read_csv(PAPER / "table5.csv").set_index("model")["input_size"]
    claimed = {each.row: each.size for each in everything if each.place == "Table 5"}
    turned = {"SegNet": "360x640", "ENet": "360x640", "DFANet A'": "1024x2048"}
    assert claimed == printed.to_dict() | turned


def test_conditions_of_the_claims(everything):
    for each in everything:
        if each.source == claims.PAPER:
            assert each.split == ("" if each.quantity != "miou" else "test" if each.table in "56" else "val")
            assert each.data == ("camvid" if each.table == "6" else "cityscapes")
        assert bool(each.device) == (each.quantity in ("time", "fps") and each.row.startswith("DFANet"))


def test_a_row_is_the_same_variant_wherever_it_stands(everything):
    variants = {each.row: each.variant for each in everything}
    assert variants["Backbone A x3+HL+LL"] == variants["DFANet A"] == "dfanet-a"
    assert variants["Backbone A"] == "backbone-a" != variants["Xception A"]
    assert variants["FRRN"] == variants["TwoColumn"] == variants["CRF-RNN"] == ""


def test_peers_own_papers_agree_with_each_other_by_hand(everything):
    """ENet's abstract: 75 times fewer FLOPs, 79 times fewer parameters than SegNet; BiSeNet's scale with the pixels."""
    value = {each.id: each.value for each in everything}
    assert int(value["enet2016-segnet-macs"] / value["enet2016-enet-macs"] + 0.5) == 75
    assert int(value["enet2016-segnet-parameters"] / value["enet2016-enet-parameters"]) == 79
    pixels = 768 * 1536 / (640 * 360)
    assert value["t5-bisenet1-macs"] == pytest.approx(pixels * value["bisenet2018-ours-xception39-macs"], rel=0.01)
    assert value["t5-bisenet2-macs"] == pytest.approx(pixels * value["bisenet2018-ours-res18-macs"], rel=0.01)


def test_tolerances_include_the_rounding(everything):
    tolerances = claims.tolerances(PAPER)
    by_id = {each.id: each for each in everything}
    assert tolerances["macs"].around(by_id["t2-backbone-b-macs"]) == pytest.approx(0.05 * 0.83 + 0.005)
    assert tolerances["parameters"].around(by_id["t5-bisenet2-parameters"]) == pytest.approx(0.06 * 49 + 0.5)
    assert tolerances["miou"].around(by_id["t6-dfanet-a-miou"]) == pytest.approx(1.05)


def test_where_the_paper_disagrees_with_itself(everything):
    sentences = contradictions(everything)
    assert "parameters of dfanet-b: 4.9 M in Table 4, 4.8 M in Table 5." in sentences
    assert "Table 5, FRRN: 469 ms per frame would be 2.13 frames per second, not 0.25." in sentences
    rows = {sentence.split(":")[0].removeprefix("Table 5, ") for sentence in sentences[1:]}
    assert rows == {"SegNet", "FRRN", "BiSeNet1", "BiSeNet2"}


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(PAPER, tmp_path / "paper")
    return tmp_path / "paper"


LINE = "t2-backbone-b-macs,dfanet,2,Backbone B,gmacs,macs,0.83,G,2,backbone-b,1024x1024,,cityscapes,,"


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (
            LINE.replace("0.83", "o.83"),
            r"line 18 \(t2-backbone-b-macs\): value is 'o.83'; it must be the printed number",
        ),
        (LINE.replace(",2,backbone-b", ",1,backbone-b"), "decimals is '1', but 0.83 has another number of decimals"),
        (LINE.replace("macs,macs,", "macs,mac,"), r'quantity "mac" is unknown \(did you mean "macs"\?\); allowed are'),
        (LINE.replace(",G,", ",ms,"), 'unit "ms" does not fit macs; allowed are G'),
        (LINE.replace("backbone-b,1024", "backbone-bb,1024"), r'no variant "backbone-bb" .*did you mean "backbone-b"'),
        (
            LINE.replace("backbone-b,1024", ",1024"),
            "names no variant; name one of params.yaml, or give the reason",
        ),
        (LINE.replace("1024x1024", "1024"), "size is '1024'; it must be rows x columns"),
        (LINE[:40], "does not have 15 cells; it is cut short"),
        (LINE + "\n" + LINE, "claim t2-backbone-b-macs is listed twice"),
        (LINE + "\n" + LINE.replace("t2-", "t9-"), r"claim t9-backbone-b-macs is listed twice \(also as t2-"),
    ],
)
def test_mistakes_are_said_in_one_sentence(folder, everything, changed, sentence):
    path = folder / "claims.csv"
    text = path.read_text()
    assert LINE in text
    path.write_text(text.replace(LINE, changed))
    known = {each.variant for each in everything if each.variant}
    with pytest.raises(BadInput, match=sentence):
        claims.read(folder, known)


def test_a_missing_file_and_a_missing_column(folder):
    path = folder / "claims.csv"
    path.write_text(path.read_text().replace("id,source", "id,paper", 1))
    with pytest.raises(BadInput, match="has the columns id, paper, .*they must be id, source"):
        claims.read(folder)
    path.unlink()
    with pytest.raises(BadInput, match="claims.csv is missing; it is part of the repository"):
        claims.read(folder)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("macs: {relative: 0.05}\n", "must hold a tolerance for each of macs, parameters, miou, time, fps"),
        ("{macs: much, parameters: {}, miou: {}, time: {}, fps: {}}", "is unreadable"),
        ("{macs: {relativ: 1}, parameters: {}, miou: {}, time: {}, fps: {}}", "unreadable .*allowed are relative and"),
    ],
)
def test_bad_tolerances(folder, text, sentence):
    (folder / "tolerances.yaml").write_text(text)
    with pytest.raises(BadInput, match=sentence):
        claims.tolerances(folder)
