"""Complexity: what is counted, by hand; and that the two counters are held against each other."""

import json

import pytest
import torch
from torch import nn

from pipeline.complexity import macs
from pipeline.config import params
from pipeline.config.protocols import Complexity
from pipeline.utils.errors import BadInput

VARIANTS = params.load().variants
PAPER = Complexity(paper_size=(1024, 1024))


@pytest.fixture(scope="module")
def single():
    return macs.count(PAPER, VARIANTS["single"], 11, (64, 64))


def test_stages_of_a_single_network_by_hand(single):
    stages = single["at"]["study"]["stages"]
    assert single["at"]["study"]["macs"] == sum(stages.values())
    first = [f"networks.0.{name}" for name in ("conv1", "enc2", "enc3", "enc4", "attention")]
    assert list(stages) == [*first, "decoder"]
    assert stages["networks.0.conv1"] == 32 * 32 * (3 * 3 * 3 * 8)
    assert stages["networks.0.attention"] == 192 * 1000 + 1000 * 192
    assert stages["decoder"] == 4 * 4 * 192 * 64 + 16 * 16 * 64 * 11


def test_counters_differ_by_the_biases_alone(single):
    study = single["at"]["study"]
    assert study["ptflops_macs"] - study["macs"] == 1000 + 16 * 16 * 11, "the FC layer's and the classifier's"
    assert study["closed_form_macs"] == study["macs"]


def test_convolutions_grow_with_the_image_and_the_fc_layer_does_not(single):
    study, paper = (single["at"][place]["stages"] for place in ("study", "paper"))
    for stage in study:
        assert paper[stage] == study[stage] * (1 if stage.endswith("attention") else 16 * 16)


@pytest.mark.parametrize("name", ["a", "b", "dfanet-a", "backbone-b-x4", "resnet-50-aspp"])
def test_stages_add_up_and_sizes_need_not_divide(name):
    found = macs.count(PAPER, VARIANTS[name], 19, (97, 131))
    for place, size in (("study", [97, 131]), ("paper", [1024, 1024])):
        assert found["at"][place]["size"] == size
        assert sum(found["at"][place]["stages"].values()) == found["at"][place]["macs"]
        assert found["at"][place]["closed_form_macs"] == found["at"][place]["macs"]
    assert found["megabytes"] == pytest.approx(found["parameters"] * 4 / 1_000_000)
    assert "networks.1.conv1" not in found["at"]["study"]["stages"] or VARIANTS[name].structure == "a"
    json.dumps(found)


def test_parameters_do_not_depend_on_the_size(single):
    assert single["parameters"] == macs.count(PAPER, VARIANTS["single"], 11, (4096, 4096))["parameters"]


@pytest.mark.parametrize(("answer", "shown"), [(5_000_000_000, "5,000,000,000"), (None, "ptflops 0")])
def test_counters_that_disagree_end_the_stage(monkeypatch, answer, shown):
    monkeypatch.setattr(macs, "get_model_complexity_info", lambda *_, **__: (answer, 0))
    with pytest.raises(BadInput, match=f"at 64x64 torch counts [0-9,]+ MACs, .*{shown}.*requirements.lock"):
        macs.count(PAPER, VARIANTS["single"], 19, (64, 64))


class Sees(nn.Module):
    """Attention over positions: a product of two features, which no layer holds."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Conv2d(3, 8, 1)

    def forward(self, x):
        x = self.layer(x).flatten(2)
        return x @ (x.mT @ x)


def test_an_operation_that_the_closed_form_cannot_see_ends_the_stage():
    with pytest.raises(BadInput, match=r"closed form 6,144, but they may differ by at most 1%"):
        macs.count_at(Sees().to("meta"), (16, 16))


@pytest.mark.parametrize(
    ("layer", "shape", "count"),
    [
        (nn.Conv2d(4, 6, 3, padding=1), (2, 4, 5, 7), 2 * 5 * 7 * 6 * 4 * 9),
        (nn.Conv2d(4, 4, 3, stride=2, padding=1, groups=4), (1, 4, 5, 7), 3 * 4 * 4 * 9),
        (nn.Conv2d(4, 6, (1, 5), dilation=2), (1, 4, 9, 9), 9 * 1 * 6 * 4 * 5),
        (nn.ConvTranspose2d(4, 6, 2, stride=2), (1, 4, 5, 7), 5 * 7 * 4 * 6 * 4),
        (nn.Linear(10, 3), (2, 10), 2 * 10 * 3),
    ],
)
def test_the_closed_form_of_a_layer_by_hand(layer, shape, count):
    assert macs.count_layers(nn.Sequential(layer), torch.empty(shape)) == {"0": count}


def test_a_layer_called_twice_counts_twice():
    layer = nn.Conv2d(3, 3, 1)
    assert macs.count_layers(nn.Sequential(layer, nn.ReLU(), layer), torch.empty(1, 3, 4, 4)) == {"0": 2 * 9 * 16}


def test_claims_are_counted_at_their_sizes_with_their_classes():
    claims = [("xception-b", (64, 128), 11), ("xception-b", (64, 64), 11), ("resnet-50-quarter", (256, 256), 19)]
    found = macs.count_paper(claims, VARIANTS)["variants"]
    assert list(found) == ["xception-b", "resnet-50-quarter"]
    assert found["xception-b"]["classes"] == 11
    at = {size: each["macs"] for size, each in found["xception-b"]["at"].items()}
    assert at["64x128"] == 2 * at["64x64"]


@pytest.mark.parametrize(
    ("claims", "sentence"),
    [
        ([("xception-c", (64, 64), 19)], 'the variant "xception-c", which is not in params.yaml'),
        ([("single", (64, 64), 19), ("single", (64, 64), 11)], "give single both 19 and 11 classes"),
    ],
)
def test_a_claim_that_cannot_be_counted_is_named(claims, sentence):
    with pytest.raises(BadInput, match=sentence):
        macs.count_paper(claims, VARIANTS)
