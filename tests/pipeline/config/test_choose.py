"""`use`: which study stands in params.yaml."""

from pathlib import Path

import pytest

from pipeline.config import params
from pipeline.config.choose import use
from pipeline.utils.errors import BadInput


def test_a_study_and_the_one_in_params_yaml_are_exchanged_and_back(workspace):
    before, others = Path("params.yaml").read_text(), params.studies()
    assert "now holds camvid" in use("camvid") and params.load().study.name == "camvid"
    assert set(params.studies()) == set(others) and len(params.studies()) == len(others)
    assert "now holds quickstart" in use("quickstart")
    assert Path("params.yaml").read_text() == before and params.studies() == others
    assert not Path("studies/quickstart.yaml").exists()


def test_a_study_that_was_changed_in_params_yaml_is_not_lost(workspace):
    use("camvid")
    workspace.edit(lambda content: content["study"].update(seeds=[7]))
    with pytest.raises(BadInput, match="differs from studies/camvid.yaml; copy it there"):
        use("speed")
    assert params.load().study.seeds == [7]


def test_a_study_whose_lists_dvc_wrote_anew_is_exchanged_as_before(workspace):
    use("camvid")
    text = Path("params.yaml").read_text()
    Path("params.yaml").write_text(text.replace("  seeds: [0, 1, 2]\n", "  seeds:\n  - 0\n  - 1\n  - 2\n"))
    assert Path("params.yaml").read_text() != text and "now holds speed" in use("speed")


def test_an_unknown_study_is_refused(workspace):
    with pytest.raises(BadInput, match='no study "speeed"; did you mean|no study "speeed"'):
        use("speeed")
