"""Complexity: what is counted, by hand; and that the two counters are held against each other."""

import json

import pytest

from pipeline import complexity, params
from pipeline.errors import BadInput
from pipeline.params import Complexity

VARIANTS = params.load().variants
PAPER = Complexity(paper_size=(1024, 1024))


@pytest.fixture(scope="module")
def single():
    return complexity.count(PAPER, VARIANTS["single"], 11, (64, 64))


def test_stages_of_a_single_network_by_hand(single):
    stages = single["at"]["study"]["stages"]
    first = [f"networks.0.{name}" for name in ("conv1", "enc2", "enc3", "enc4", "attention")]
    assert list(stages) == [*first, "decoder"]
    assert stages["networks.0.conv1"] == 32 * 32 * (3 * 3 * 3 * 8)
    assert stages["networks.0.attention"] == 192 * 1000 + 1000 * 192
    assert stages["decoder"] == 4 * 4 * 192 * 64 + 16 * 16 * 64 * 11


def test_counters_differ_by_the_biases_alone(single):
    study = single["at"]["study"]
    assert study["ptflops_macs"] - study["macs"] == 1000 + 192 + 16 * 16 * 11


def test_convolutions_grow_with_the_image_and_the_fc_layer_does_not(single):
    study, paper = (single["at"][place]["stages"] for place in ("study", "paper"))
    for stage in study:
        assert paper[stage] == study[stage] * (1 if stage.endswith("attention") else 16 * 16)


@pytest.mark.parametrize("name", VARIANTS)
def test_stages_add_up_and_sizes_need_not_divide(name):
    found = complexity.count(PAPER, VARIANTS[name], 19, (97, 131))
    for place, size in (("study", [97, 131]), ("paper", [1024, 1024])):
        assert found["at"][place]["size"] == size
        assert sum(found["at"][place]["stages"].values()) == found["at"][place]["macs"]
    assert found["megabytes"] == pytest.approx(found["parameters"] * 4 / 1_000_000)
    assert "networks.1.conv1" not in found["at"]["study"]["stages"] or VARIANTS[name].structure == "a"
    json.dumps(found)


def test_parameters_do_not_depend_on_the_size(single):
    assert single["parameters"] == complexity.count(PAPER, VARIANTS["single"], 11, (4096, 4096))["parameters"]


@pytest.mark.parametrize(("answer", "shown"), [(5_000_000_000, "5,000,000,000"), (None, "ptflops 0")])
def test_counters_that_disagree_end_the_stage(monkeypatch, answer, shown):
    monkeypatch.setattr(complexity, "get_model_complexity_info", lambda *_, **__: (answer, 0))
    with pytest.raises(BadInput, match=f"at 64x64 torch counts [0-9,]+ MACs and .*{shown}.*requirements.lock"):
        complexity.count(PAPER, VARIANTS["single"], 19, (64, 64))
