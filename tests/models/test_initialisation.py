"""Initial weights: every network starts from equally likely classes, and its features do not grow."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from models.build import build
from models.initialisation import initialise
from models.space import PEERS
from pipeline.config.variants import Variant
from tests.models.space import TESTED, name

CLASSES, SIZE = 19, (64, 96)


def first_loss(variant):
    """Cross entropy of the main scores on noise, in training mode, before any step."""
    random = torch.Generator().manual_seed(0)
    model = build(variant, CLASSES).train()
    initialise(model, seed=0)
    images = torch.randn(2, 3, *SIZE, generator=random)
    labels = torch.randint(CLASSES, (2, *SIZE), generator=random)
    with torch.no_grad():
        scores = model(images)
    return float(F.cross_entropy(scores[0] if isinstance(scores, tuple) else scores, labels))


@pytest.mark.parametrize("point", TESTED, ids=name)
def test_every_point_of_the_space_starts_from_equally_likely_classes(point):
    assert first_loss(point) == pytest.approx(math.log(CLASSES), rel=0.2)


@pytest.mark.parametrize("peer", PEERS)
def test_every_peer_starts_from_equally_likely_classes(peer, monkeypatch):
    monkeypatch.setattr("models.peers.fcn_8s.WIDTH", 64)  # of 4096: half a gigabyte of weights
    assert first_loss({"peer": peer}) == pytest.approx(math.log(CLASSES), rel=0.2)


@pytest.mark.parametrize("interpretation", ["first", "fitted"])
@pytest.mark.parametrize("decoder", ["HL", "HL+LL"])
def test_what_the_decoder_sums_does_not_grow_with_the_number_of_networks(decoder, interpretation):
    sizes = []
    for networks in (2, 3, 4):
        point = {"structure": "d", "backbone": "xception-b", "attention": "fc", "networks": networks}
        model = build(Variant(**point, decoder=decoder, interpretation=interpretation).model_dump(), CLASSES).train()
        initialise(model, seed=0)
        model.decoder.classify.register_forward_pre_hook(lambda module, inputs: sizes.append(inputs[0].square().mean()))
        model(torch.randn(4, 3, 128, 192, generator=torch.Generator().manual_seed(1)))
    assert max(sizes) < 1.2 * min(sizes)


@pytest.mark.parametrize(
    ("layer", "fan_in"),
    [
        (nn.Conv2d(64, 32, 3), 64 * 9),
        (nn.Conv2d(512, 512, 3, groups=512), 9),
        (nn.Linear(256, 64), 256),
        (nn.ConvTranspose2d(64, 32, 2, stride=2), 64),
        (nn.ConvTranspose2d(64, 32, 4, stride=2), 64 * 4),
    ],
)
def test_weights_have_hes_spread_over_the_values_that_an_output_sums(layer, fan_in):
    initialise(nn.Sequential(layer), seed=0)
    assert float(layer.weight.detach().std()) == pytest.approx(math.sqrt(2 / fan_in), rel=0.06)
    assert not layer.bias.any()
