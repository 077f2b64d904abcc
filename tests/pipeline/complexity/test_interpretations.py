"""Interpretations: sums over parts are whole networks, and the search finds an interpretation that was planted."""

import json
from functools import cache
from itertools import product

import pytest
import torch

from models.build import build
from models.interpretation import Blocks, Context, Fusion, Gate, Interpretation, Residuals
from pipeline.complexity import interpretations
from pipeline.complexity.macs import count_at
from pipeline.complexity.part_costs import Costs
from pipeline.config import params
from pipeline.utils.errors import BadInput

VARIANTS = params.load().variants
SIZE = (256, 256)
PLANTED = Interpretation(
    Blocks(strided=2), Residuals(output_stride=8), Context(pointwise=True), Fusion(width=32, kernel=3)
)
SMALL = {
    "blocks": (Blocks, {"strided": (1, 2), "shortcut": ("normalised", "none")}),
    "residuals": (Residuals, {"output_stride": (16, 8), "strided": (1,), "deep_stem": (True, False)}),
    "context": (Context, {"pointwise": (False, True)}),
    "fusion": (Fusion, {"width": (64, 32), "kernel": (1, 3)}),
}


@cache
def count(name, interpretation):
    """MACs by torch's counter, and parameters, of a whole network."""
    with torch.device("meta"):
        model = build(VARIANTS[name].model_dump() | {"interpretation": interpretation}, 19).eval()
    return count_at(model, SIZE)["macs"], sum(parameter.numel() for parameter in model.parameters())


OTHER = Interpretation(
    Blocks(strided=3, shortcut="plain", depthwise_norm=True),
    Residuals(output_stride=32, strided=1, deep_stem=False),
    Context(pooling=True, projection=True),
    Fusion(width=48, reduce_first=False, join="concat", merge="3x3", classified="stride 4"),
)


AUTHORS = Interpretation(Blocks(shortcut="separable"))


NAMES = ("dfanet-a", "backbone-b-x2", "backbone-b-x3-hl", "xception-b-aspp", "resnet-50-aspp")
WHOLE = [*product(NAMES, (PLANTED, OTHER)), *product(NAMES[:2], [AUTHORS])]
"""The authors' interpretation has blocks of its own and nothing else, so that a network of each Xception is enough."""


@pytest.mark.parametrize(("name", "interpretation"), WHOLE)
def test_parts_add_up_to_whole_networks(name, interpretation):
    costs = Costs({part: [getattr(interpretation, part)] for part in interpretations.SPACE}, classes=19)
    assert tuple(costs.of(VARIANTS[name], SIZE).squeeze()) == count(name, interpretation)


def claims(interpretation, places):
    """Rows of claims.csv that an interpretation prints: (variant, table), MACs with six decimals and MB with six."""
    rows = []
    for name, table in places:
        macs, parameters = count(name, interpretation)
        for quantity, value in (("macs", macs / 1e9), ("parameters", parameters * 4 / 1e6)):
            row = {"source": "dfanet", "table": table, "variant": name, "size": "256x256", "quantity": quantity}
            rows.append(row | {"value": f"{value:.6f}", "decimals": "6"})
    return rows


PLACES = [("xception-a-aspp", "2"), ("resnet-50-aspp", "2"), ("backbone-b-x2", "3"), ("backbone-b-x2", "4")]
PLACES += [("dfanet-b", "4"), ("dfanet-b", "5")]


@pytest.fixture(scope="module")
def found():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(interpretations, "SPACE", SMALL)
        patch.setattr(
            interpretations,
            "INTERPRETATIONS",
            {"first": Interpretation(), "other gate": Interpretation(gate=Gate(norm="batch"))},
        )
        return interpretations.search(claims(PLANTED, PLACES), VARIANTS)


def test_a_planted_reading_is_found_with_its_unit(found):
    best = found["best"]
    assert best["score"] < 1e-5 and best["unit"] == "MB of float32"
    interpretation = best["interpretation"]
    assert interpretation["blocks"]["strided"] == 2 and interpretation["residuals"]["output_stride"] == 8
    assert interpretation["context"]["pointwise"] and (
        interpretation["fusion"]["width"],
        interpretation["fusion"]["kernel"],
    ) == (32, 3)
    assert found["candidates_counted"] == 4 * 4 * 2 * 4 * 3
    assert list(found["named"]) == ["first"], "what no cell depends on makes no candidate"
    assert found["named"]["first"]["score"] > 0.05 and found["named"]["first"]["behind"][0] > 0
    json.dumps(found)


def test_a_number_that_two_tables_print_is_one_cell(found):
    assert len(found["cells"]) == 2 * 4
    assert [cell["tables"] for cell in found["cells"] if cell["variant"] == "dfanet-b"] == [("4", "5")] * 2
    assert len(found["best"]["errors"]) == len(found["cells"])


def test_a_cell_says_what_it_was_used_to_choose(found):
    used = {(cell["variant"], cell["quantity"]): cell["fitted_by"] for cell in found["cells"]}
    assert used["backbone-b-x2", "macs"] == ["blocks"]
    assert used["resnet-50-aspp", "macs"] == ["residuals", "context"]
    assert used["dfanet-b", "parameters"] == ["blocks", "fusion", "unit"]


def test_without_a_table_its_own_questions_fall_back_to_the_first_answer(found):
    without = found["without_table"]
    assert set(without) == {"2", "3", "4", "5"}
    assert without["3"]["score"] < 1e-5  # table 4 repeats it, and dfanet-b's blocks are of the same kind
    assert without["2"]["interpretation"]["residuals"]["output_stride"] == 16 and without["2"]["score"] > 0.1
    tied, (low, high) = without["2"]["tied"], without["2"]["tied_scores"]
    assert tied == 4 * 2, "nothing but table 2 tells the residuals (4 answers) and the context (2) apart"
    assert low < 1e-5 < without["2"]["score"] <= high, "one of them is the planted one"


def test_answers_are_ranked_by_the_best_that_they_allow(found):
    stride = found["questions"]["blocks.strided"]
    assert stride["2"] < 1e-5 < stride["1"]


def test_no_claims_end_the_stage():
    with pytest.raises(BadInput, match="claims.csv has no MACs or parameters"):
        interpretations.search([], VARIANTS)
