"""What a study could see, against the sample sizes of textbooks and the kept results of this repository."""

import numpy as np
import pytest

from pipeline import power
from pipeline.config import params
from pipeline.power import Pilot

PAIR = {"variants": ["single", "d"], "contrasts": [("d", "single")]}


@pytest.fixture(scope="module")
def loaded():
    return params.load("figure-2")


@pytest.mark.parametrize(("effect", "seeds"), [(0.8, 15), (0.5, 34), (-0.8, 15)])
def test_the_seeds_of_one_contrast_are_the_pairs_of_the_published_paired_t_test(loaded, effect, seeds):
    """Cohen's large and medium effects, in standard deviations, take 15 and 34 pairs (two-sided 5 %, power 80 %)."""
    study = loaded.study.model_copy(update=PAIR)
    assert Pilot(1.0, 0.0, 10, "").seeds(study, effect) == seeds


def test_more_contrasts_take_more_seeds_unless_nothing_is_corrected(loaded):
    pilot, effect = Pilot(1.0, 0.0, 10, ""), 0.8
    corrected, alone = (
        pilot.seeds(loaded.study.model_copy(update={"correction": each}), effect) for each in ("holm", "none")
    )
    assert corrected > alone


def test_no_number_of_seeds_sees_what_the_frames_do_not_tell(loaded):
    assert Pilot(1.0, 1.0, 10, "").seeds(loaded.study, 0.5) is None


def test_a_kept_study_on_the_same_data_gives_the_spread(loaded, tmp_path, monkeypatch):
    monkeypatch.setattr(power, "RESULTS", tmp_path)
    pilot = power.find_pilot(loaded)
    assert "the kept runs of figure-2 (72 on synthetic test, 8 epochs)" in pilot.runs
    assert 0 < pilot.deviation < 5 and pilot.frames_freedom == 59


def test_the_table_names_the_papers_effects_and_what_the_study_would_see(tmp_path, monkeypatch):
    monkeypatch.setattr(power, "RESULTS", tmp_path)
    said = power.power(params.load("effects"))
    assert said.startswith("effects: Do FC attention")
    (row,) = [line for line in said.splitlines() if line.startswith("xception-b-aspp against xception-b")]
    assert "+9.3" in row and int(row.split()[-1]) >= 3
    assert said.splitlines()[-1].startswith("power      with 3 seeds, effects from ")


def test_a_study_of_two_seeds_is_told_that_it_decides_nothing(loaded):
    two = loaded.model_copy(update={"study": loaded.study.model_copy(update={"seeds": [0, 1]})})
    assert power.summary(two, Pilot(1.0, 0.1, 10, "")) == "power      none: 2 seeds give no verdict; take 3 or more"
    assert "unknown: no study with three seeds" in power.summary(loaded, None)
    assert np.isfinite(Pilot(1.0, 0.1, 10, "").detectable(loaded.study, 3))
