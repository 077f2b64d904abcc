"""Verdicts on made-up measurements, each worked out by hand."""

import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis import study
from analysis.claims import claims, verdicts
from analysis.claims.claims import Claim
from analysis.tables import verdicts as verdicts_table
from pipeline.utils.errors import BadInput

TOLERANCES = claims.tolerances()


def claim(quantity, printed, **other):
    units = {"macs": "G", "parameters": "M", "miou": "%", "time": "ms", "fps": "1/s"}
    given = {
        "id": f"{quantity}-{printed}", "source": "dfanet", "table": "3", "row": "Backbone A", "column": quantity,
        "quantity": quantity, "printed": printed, "unit": units[quantity], "variant": "backbone-a",
        "size": "1024x1024", "split": "val" if quantity == "miou" else "", "data": "cityscapes",
        "device": "TITAN X (Pascal)" if quantity in ("time", "fps") else "", "note": "",
    }  # fmt: skip
    return Claim(**given | other)


def counted(macs, parameters=500_000, size="1024x1024"):
    return {"classes": 19, "parameters": parameters, "megabytes": parameters * 4e-6, "at": {size: {"macs": int(macs)}}}


def judged(of, counts, found=None, fitted=()):
    counts = {each.variant: counted(1) for each in of if each.quantity not in ("macs", "parameters")} | counts
    return verdicts.verdicts(of, TOLERANCES, counts, fitted, found).set_index("id")


@pytest.mark.parametrize(
    ("printed", "macs", "verdict"),
    [("2.0", 2.14e9, "reproduced"), ("2.0", 2.16e9, "not reproduced"), ("2.00", 2.14e9, "not reproduced")],
)
def test_macs_within_5_percent_and_the_rounding(printed, macs, verdict):
    """2.0 allows 0.1 and the rounding's 0.05; 2.00 allows 0.105."""
    row = judged([claim("macs", printed)], {"backbone-a": counted(macs)}).iloc[0]
    assert row["verdict"] == verdict
    assert (row["measured"], row["error"]) == pytest.approx((macs / 1e9, macs / 2e9 - 1))
    if verdict == "not reproduced":
        assert f"measured / paper is {macs / 2e9:.2f}" in row["reason"]


def test_the_papers_params_are_megabytes_where_that_fits_its_networks():
    """1.0 M parameters printed as 4.0, 2.0 M as 8.0; a third, of 3 M printed as 3.0, does not make them millions."""
    of = [claim("parameters", printed, row=f"Backbone {printed}", variant=printed) for printed in ("4.0", "8.0", "3.0")]
    counts = {"4.0": counted(1, 1_000_000), "8.0": counted(1, 2_000_000), "3.0": counted(1, 3_000_000)}
    table = judged(of, counts)
    assert table["verdict"].tolist() == ["reproduced", "reproduced", "not reproduced"]
    assert table["measured"].tolist() == pytest.approx([4, 8, 12])
    assert "read as MB of float32, by dfanet's own networks" in table["reason"].iloc[0]


PEERS = [
    claim("macs", "286.03", id="own", source="enet2016", row="SegNet", column="GFLOPs", variant="segnet"),
    claim("macs", "3.83", id="beside it", source="enet2016", row="ENet", column="GFLOPs", variant="enet"),
    claim("macs", "286", id="quoted", table="5", row="SegNet", variant="segnet"),
    claim("macs", "20.0", id="multiply-adds", source="x", row="X", column="Multiply-Adds", variant="x"),
    claim("macs", "28.3", id="no paper of its own", table="5", row="ICNet", variant="icnet"),
    claim("macs", "3.4", id="dfanet", row="DFANet A", variant="dfanet-a"),
    claim("parameters", "49", id="MiB", table="5", row="BiSeNet2", variant="icnet"),
    claim("parameters", "12.9", id="millions", table="5", row="ICNet", variant="icnet"),
]


@pytest.fixture(scope="module")
def peers():
    counts = {
        "segnet": counted(143e9),
        "enet": counted(1.9e9),
        "x": counted(10e9),
        "icnet": counted(14.15e9, 12_900_000),
    }
    return judged(PEERS, counts | {"dfanet-a": counted(3.4e9)})


def test_a_quoted_number_is_in_the_unit_of_the_paper_it_comes_from(peers):
    """143 GMACs are 286 GFLOPs: ENet's paper counts two a MAC, and the 286 that DFANet's repeats is in its unit."""
    assert peers.loc[["own", "quoted"], "verdict"].tolist() == ["reproduced", "reproduced"]
    assert "G FLOPs (two a MAC), by enet2016's own networks" in peers.loc["quoted", "reason"]


def test_one_network_alone_shows_no_unit():
    """2 G for a counted 1 G: with no second network it is a number that does not hold, not another unit."""
    row = judged([claim("macs", "2.00", source="y", row="Y", column="FLOPs")], {"backbone-a": counted(1e9)}).iloc[0]
    assert row["verdict"] == "not reproduced" and "read as G MACs" in row["reason"]


def test_no_number_is_doubled_to_make_it_fit(peers):
    """28.3 would fit as two a MAC, but no paper shows that it counts so; multiply-adds are what they say."""
    assert peers.loc[["multiply-adds", "no paper of its own"], "verdict"].tolist() == ["not reproduced"] * 2
    assert "28.3 G FLOPs (two a MAC); read as G MACs" in peers.loc["no paper of its own", "reason"]


def test_quoted_params_are_read_cell_by_cell_and_say_so(peers):
    """12.9 M parameters are 49.2 MiB of float32."""
    assert peers.loc["MiB", "measured"] == pytest.approx(49.2, abs=0.05)
    assert peers.loc["millions", "measured"] == pytest.approx(12.9)
    assert "read as MiB of float32, the nearest, because the column mixes units" in peers.loc["MiB", "reason"]


def test_only_quoted_and_never_trained():
    note = "quoted only: not rebuilt here"
    table = judged([claim("macs", "235", row="FRRN", variant="", note=note), claim("miou", "65.4"),
                    claim("miou", "71.3", split="test"), claim("time", "10")], {})  # fmt: skip
    assert (table["verdict"] == "not measured").all() and table["measured"].isna().all()
    takes = ["network of its own", "takes cityscapes, and GPUs", "evaluation server", "takes a TITAN X .* 1024x1024"]
    for reason, words in zip(table["reason"], takes, strict=True):
        assert re.search(words, reason)


def test_another_data_set_gives_no_verdict_but_the_number(results):
    """The made-up study trains dfanet-a on streets."""
    row = judged([claim("miou", "71.9", variant="dfanet-a")], {}, results).iloc[0]
    miou = 100 * results.scores.loc["dfanet-a", "miou"]
    assert row["verdict"] == "other conditions" and np.isnan(row["error"])
    assert row["measured"] == pytest.approx(miou.mean()) and row["low"] < miou.mean() < row["high"]
    assert row["conditions"] == "streets test, input 128x256, 4 epochs in batches of 8, seeds 0, 1, 2"
    for words in (
        "streets, not cityscapes",
        "split test, not val",
        "128x256, not 1024x1024",
        "4 epochs",
        "on imagenet",
    ):
        assert words in row["reason"]


def test_miou_under_the_papers_conditions_is_judged_in_points(results):
    """The made-up study, as if it were pretrained and trained as the paper does."""
    found = replace(results, study=results.study.model_copy(update={"images": "imagenet", "recipe": "paper"}))
    vars(found)["training"] = results.training
    measured = 100 * results.scores.loc["d", "miou"].mean()
    same = {"variant": "d", "data": "streets", "split": "test", "size": "128x256"}
    near, far = (claim("miou", f"{measured + above:.1f}", **same) for above in (0.9, 1.2))
    quoted = claim("miou", f"{measured:.1f}", row="ENet", **same)
    table = judged([near, far, quoted], {}, found)
    assert table["verdict"].tolist() == ["reproduced", "not reproduced", "other conditions"]
    assert table["error"].iloc[1] == pytest.approx(-1.2, abs=0.06)
    assert "1.05 are allowed" in table["reason"].iloc[0] and "its own paper's recipe" in table["reason"].iloc[2]


def test_time_is_judged_on_the_claims_device_and_size_alone(results):
    """`d` takes 12 ms on a CPU at 128x256."""
    here = {"device": "a CPU", "size": "128x256", "variant": "d"}
    of = [
        claim("time", "12", id="same", **here),
        claim("time", "10", id="slower", **here),
        claim("time", "12", id="elsewhere", **here | {"device": "TITAN X (Pascal)"}),
        claim("fps", "110", id="larger", **here | {"size": "1024x1024"}),
        claim("time", "12", id="unnamed", **here | {"device": ""}),
    ]
    table = judged(of, {}, results)
    words = ["reproduced", "not reproduced", "other conditions", "other conditions", "other conditions"]
    assert table["verdict"].tolist() == words
    assert "on a CPU, not a TITAN X (Pascal)" in table.loc["elsewhere", "reason"]
    assert "at 128x256, not 1024x1024" in table.loc["larger", "reason"]
    assert table.loc["slower", "error"] == pytest.approx(0.2)


def test_fitted_cells_are_marked_and_must_be_claims():
    of, counts = [claim("macs", "2.0"), claim("parameters", "2.1")], {"backbone-a": counted(2e9)}
    assert judged(of, counts, fitted=["macs-2.0"])["fitted"].tolist() == [True, False]
    with pytest.raises(BadInput, match='fitted to "t9", which data/paper/claims.csv lacks'):
        judged(of, counts, fitted=["t9"])


def test_the_cells_that_a_reading_was_chosen_by_are_found_among_the_claims():
    """A number that two tables repeat is one cell of the search, and two claims."""
    of = [claim("macs", "2.4", id="one"), claim("macs", "2.4", id="two", table="4"), claim("macs", "2.5", id="three"),
          claim("macs", "2.4", id="quoted", row="ENet")]  # fmt: skip
    cell = {"variant": "backbone-a", "size": [1024, 1024], "quantity": "macs", "paper": 2.4, "tables": ["3", "4"]}
    searched = {"cells": [cell | {"fitted_by": ["blocks"]}, cell | {"paper": 2.5, "fitted_by": []}]}
    assert verdicts.fitted(searched, of) == ["one", "two"]
    assert verdicts.fitted({"fitted": ["three"]}, of) == ["three"]


def test_a_study_writes_a_verdict_for_every_claim(rendered, everything):
    table = pd.read_csv(rendered / "tables/verdicts.csv", keep_default_na=False)
    assert tuple(table.columns) == verdicts.COLUMNS and len(table) == len(everything[0])
    assert "# Verdicts: A made-up study" in (rendered / "tables/verdicts.md").read_text()


def test_a_study_without_the_counts_for_the_paper_says_so(made):
    made.write()
    (made.results / "paper/complexity.json").unlink()
    with pytest.raises(BadInput, match="paper/complexity.json is missing"):
        study.analyse(made.study, made.root / "out", made.results, made.prepared)


def test_a_claim_that_was_not_counted_is_refused():
    with pytest.raises(BadInput, match="macs-2.0 is for backbone-a at 1024x1024, which .* does not hold"):
        judged([claim("macs", "2.0")], {"backbone-a": counted(2e9, size="512x512")})


def test_a_misspelt_variant_is_not_passed_over_as_not_measured():
    of = [claim("miou", "64.7", variant="dfanet-aa")]
    with pytest.raises(BadInput, match=r'miou-64.7 is for dfanet-aa \(did you mean "dfanet-a"\?\)'):
        verdicts.verdicts(of, TOLERANCES, {"dfanet-a": counted(1)})


@pytest.fixture(scope="module")
def everything():
    """All claims of the repository, held against counts of which each is the first printed value."""
    of = claims.read()
    counts = {each.variant: counted(1e9) for each in of if each.variant}
    for each in reversed(of):
        if each.variant and each.quantity == "macs":
            counts[each.variant]["at"][each.size] = {"macs": each.value * 1e9}
        if each.variant and each.quantity == "parameters":
            counts[each.variant]["parameters"] = each.value * 1e6
            counts[each.variant]["at"].setdefault(each.size, {"macs": 1e9})
    return of, verdicts.verdicts(of, TOLERANCES, counts)


def test_every_claim_has_a_row_and_the_summary_adds_up(everything):
    of, table = everything
    assert table["id"].tolist() == [each.id for each in of] and tuple(table.columns) == verdicts.COLUMNS
    summary = verdicts.summary(table)
    assert sum(summary["all"].values()) == len(of)
    assert summary["macs"]["not measured"] == 3  # DeepLab, FRRN and TwoColumn
    assert summary["miou"]["not measured"] == sum(each.quantity == "miou" for each in of)
    assert json.loads(json.dumps(summary)) == summary


def test_errors_count_a_repeated_cell_once():
    of = [
        claim("macs", "2.4", id="first", table="3"), claim("macs", "2.4", id="again", table="4"),
        claim("macs", "2.0", id="other", variant="b"), claim("macs", "3.0", id="peer", row="ENet", variant="enet"),
    ]  # fmt: skip
    counts = {"backbone-a": counted(2.4e9), "b": counted(2.2e9), "enet": counted(3e9)}
    table = verdicts.errors(verdicts.verdicts(of, TOLERANCES, counts))
    own = table.loc["macs", "the paper's own"]
    assert (own["cells"], own["median"], own["largest"], own["id"]) == (
        2,
        pytest.approx(0.05),
        pytest.approx(0.1),
        "other",
    )
    assert table.loc["macs", "its peers"]["cells"] == 1


def test_what_a_bound_would_have_given_counts_repeated_cells_and_no_peers():
    """By hand: 2.4 is missed by 10 %, of which its rounding is 2.1; 2.00 by 4 %, of which it is 0.25."""
    of = [
        claim("macs", "2.4", id="first", table="3"), claim("macs", "2.4", id="again", table="4"),
        claim("macs", "2.00", id="other", variant="b"), claim("macs", "3.0", id="peer", row="ENet", variant="enet"),
    ]  # fmt: skip
    counts = {"backbone-a": counted(2.4e9), "b": counted(2e9), "enet": counted(3e9)}
    table = verdicts.verdicts(of, TOLERANCES, counts).assign(error=[0.1, 0.1, -0.04, 0.0])
    found = verdicts.by_bound(table, (0.03, 0.0385, 0.05, 0.09, 0.101))
    assert found["cells"].tolist() == [3] * 5
    assert found["rounded"].tolist() == [0, 1, 1, 3, 3]
    assert found["bare"].tolist() == [0, 0, 1, 1, 3]


def test_the_page_holds_every_table_and_the_contradictions(everything):
    page = verdicts_table.table(everything[1], TOLERANCES, ["It says two things."]).markdown("Everything")
    for heading in (*(f"## Table {number}" for number in range(2, 7)), "## The peers' own papers"):
        assert heading in page
    assert "- It says two things." in page and "| DFANet A | miou | 64.7 % | - |" in page
    assert page.count("\n| ") > len(everything[1])
