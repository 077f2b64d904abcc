"""What a study measures of the paper's effects: directions, intervals and what could not have been seen."""

import numpy as np
import pytest
from scipy.stats import ttest_rel

from analysis.claims import claims, effects
from analysis.results.results import read
from pipeline.utils.errors import BadInput
from tests.conftest import ROOT

PAPER = ROOT / "data/paper"
HEADER = ",".join(effects.COLUMNS)


@pytest.fixture(scope="module")
def known():
    return effects.read(claims.read(PAPER), PAPER)


@pytest.fixture(scope="module")
def judged(results, known):
    return effects.judged(results, known).set_index("variant")


def test_the_papers_differences_are_those_of_its_tables(known):
    """By hand, from Tables 2 to 4."""
    points = {each.id: each.paper for each in known}
    printed = {
        "a-attention": 6.2, "b-attention": 3.8, "a-aspp": 7.9, "b-aspp": 9.3, "resnet-50-aspp": 3.8, "a-second": 0.9,
        "a-third": -1.2, "a-fourth": -14.3, "b-third": -3.9, "a-x2-hl": 0.8, "a-x3-ll": 2.3, "b-x3-hl": 9.4,
    }  # fmt: skip
    assert {name: points[name] for name in printed} == printed
    assert {each.id: each.expected for each in known if each.id in ("a-third", "b-second")} == {
        "a-third": -1, "b-second": 1,
    }  # fmt: skip


def test_the_argument_of_figure_2_and_the_controls_have_a_sign_and_no_size(known):
    without = {each.source for each in known if np.isnan(each.paper)}
    assert without == {"Figure 2", "control"} and all(each.expected for each in known)


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (["id,source"], "must have the columns id, source, title, variant, reference, expected"),
        ([HEADER, "x,Table 2,X,backbone-a,xception-a,up"], "line 2 must have 6 cells, of which expected is"),
        ([HEADER, "x,Table 2,X,backbone-a"], "line 2 must have 6 cells"),
        ([HEADER, "x,Table 2,X,backbone-a,dfanet-a,"], "Table 2 of claims.csv has no mIoU of one of its variants"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_line(tmp_path, lines, sentence):
    (tmp_path / "effects.csv").write_text("\n".join(lines) + "\n")
    with pytest.raises(BadInput, match=sentence):
        effects.read(claims.read(PAPER), tmp_path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(BadInput, match=r"effects\.csv is missing; it is part of the repository"):
        effects.read([], tmp_path)


def test_every_variant_is_compared_with_the_baseline_unless_contrasts_are_named(made, judged):
    assert judged.index.tolist() == ["a", "b", "c", "d", "dfanet-a"] and set(judged["reference"]) == {"single"}
    made.frames, made.variants = 4, ("single", "a", "d")
    study = made.study.model_copy(update={"contrasts": [("d", "a")]})
    (row,) = effects.judged(read(study, made.write().results), []).to_dict("records")
    assert (row["variant"], row["reference"], row["effect"]) == ("d", "a", "d against a")
    assert row["p_corrected"] == row["p"]


def test_verdicts_tell_a_clear_difference_from_one_that_could_be_nothing(judged):
    """By construction `b` errs on 12 % of the pixels and `dfanet-a` on 10 %, `single` and `c` on 20 %."""
    assert judged["verdict"].loc[["b", "dfanet-a", "c"]].tolist() == ["higher", "higher", "too small to see here"]
    assert judged.loc["b", "low"] > 0 and judged.loc["c", "low"] < 0 < judged.loc["c", "high"]
    assert judged.loc["c", "detectable"] > abs(judged.loc["c", "difference"])


def test_the_interval_is_wider_than_over_seeds_or_frames_alone(judged):
    for over in ("seeds", "frames"):
        assert judged[f"{over}_low"].between(judged["low"], judged["difference"], inclusive="neither").all()
    errors = np.hypot(judged["seeds_error"], judged["frames_error"])
    assert judged["error"].tolist() == pytest.approx(errors.tolist())


def test_two_variants_are_compared_by_the_paired_t_test_over_seeds(made):
    made.frames, made.variants = 4, ("single", "d")
    results = read(made.study, made.write().results)
    scores = results.scores["miou"].unstack()
    expected = ttest_rel(scores.loc["d"], scores.loc["single"]).confidence_interval(0.95)
    (row,) = effects.judged(results, []).to_dict("records")
    assert (row["seeds_low"], row["seeds_high"]) == pytest.approx((100 * expected.low, 100 * expected.high))


def effect(expected=0, paper=np.nan):
    return effects.Effect("x", "Table 2", "X", "b", "single", paper, expected)


@pytest.mark.parametrize(
    ("known", "verdict", "inside"),
    [
        (effect(1), "same direction", None), (effect(-1), "opposite direction", None), (effect(), "higher", None),
        (effect(1, 50.0), "same direction", False), (effect(1, 13.0), "same direction", True),
    ],
)  # fmt: skip
def test_a_clear_difference_is_judged_by_the_papers_sign_and_size(results, known, verdict, inside):
    row = effects.judged(results, [known]).set_index("variant").loc["b"]
    assert (row["verdict"], row["paper_inside"]) == (verdict, inside)


def test_equal_networks_differ_by_less_than_an_effect_of_interest(whole):
    study = whole.study.model_copy(update={"contrasts": [("c", "single")], "smallest_effect": 20.0})
    assert effects.judged(read(study, whole.results), [])["verdict"].tolist() == ["negligible"]


def test_two_seeds_are_too_few(made):
    made.seeds, made.frames = (0, 1), 4
    results = read(made.study, made.write().results)
    judged = effects.judged(results, [])
    assert set(judged["verdict"]) == {"too few seeds"} and judged[["low", "p", "detectable"]].isna().all(axis=None)


def test_a_variant_below_the_floor_is_named(made):
    made.frames, made.errors["c"] = 4, 0.9
    judged = effects.judged(read(made.study, made.write().results), []).set_index("variant")
    assert judged["doubts"].to_dict() == {"a": "", "b": "", "c": "c below the floor", "d": "", "dfanet-a": ""}
