"""A study that names a variant whose deployment forms were timed: they stand in its table, beside the variants."""

import pandas as pd
import pytest

from analysis.study import analyse
from pipeline.utils.errors import BadInput


@pytest.fixture
def study(made):
    made.variants, made.seeds, made.frames, made.pictures, made.forms = ("single", "dfanet-a"), (0,), 2, 0, "dfanet-a"
    return made.write()


def test_the_forms_are_rows_compared_with_eager_mode(whole, rendered):
    """8, 6 and 4 ms, each round within 1 % of them."""
    table, text = pd.read_csv(rendered / "tables/latency.csv"), (rendered / "tables/latency.md").read_text()
    forms = table[table["timed"] == "forms"].set_index("mode")
    assert table["timed"].tolist() == ["variants"] * len(whole.variants) + ["forms"] * 3
    assert set(forms["variant"]) == {"dfanet-a"} and list(forms.index) == ["eager float32", "folded", "torch.export"]
    assert forms["ratio"].tolist() == pytest.approx([1, 6 / 8, 4 / 8], rel=0.02)
    assert forms.loc["folded", "ratio_low"] < 6 / 8 < forms.loc["folded", "ratio_high"]
    assert forms["agrees"].tolist() == [True, True, False]
    assert "(does not agree)" in text and "Not timed: AOTInductor (no C++ compiler)." in text
    report = (rendered / "report.html").read_text()
    assert "torch.export" in report and "no C++ compiler" in report


def test_without_its_record_the_study_is_refused(study):
    path = study.results / "made/forms/dfanet-a.json"
    path.unlink()
    with pytest.raises(BadInput, match=f"{path} is missing; run its stage again"):
        analyse(study.study, study.root / "out", study.results, study.prepared)


def test_forms_timed_by_another_protocol_do_not_stand_beside_the_variants(study):
    path = study.results / "made/forms/dfanet-a.json"
    path.write_text(
        path.read_text().replace('"params": {"latency": {"rounds": 5', '"params": {"latency": {"rounds": 9')
    )
    with pytest.raises(BadInput, match="was made with latency.rounds = 9, but .* with 5"):
        analyse(study.study, study.root / "out", study.results, study.prepared)
    assert not (study.root / "out").exists()
