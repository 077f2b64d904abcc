"""What a later network's first blocks take of a pretrained one's weights, by the interpretations of `Transfer`."""

import pytest
import torch

from models.build import build
from models.initialisation import initialise
from models.network import Classifier
from pipeline.config import params
from pipeline.training.pretrain import trained
from pipeline.utils import weights

VARIANTS = params.load().variants
OWN = {"enc3": 48, "enc4": 96}
"""Channels of a later network's own features, which stand before the reused ones in the input of a stage."""
NORM = ("weight", "bias", "running_mean", "running_var")
HALVES = {"0.weight": 0, "1.0.weight": 1, **{f"norm.{name}": 0 for name in NORM}}
"""Tensors of a separable convolution that read its input, and their dimension of input channels."""
STAGES = {"enc3": 48, "enc4": 96}
"""The stages of a later network of (d) on Xception A that read its own features first, and how many these are."""

DEPTHWISE = ("0.weight", "norm.weight", "norm.bias", "norm.running_mean", "norm.running_var")
SLICED = {
    f"backbone.{stage}.0.{path}.{tensor}": (dimension, own)
    for stage, own in STAGES.items()
    for path in ("body.0", "shortcut")
    for tensor, dimension in [*((tensor, 0) for tensor in DEPTHWISE), ("1.0.weight", 1)]
}
"""The tensors that are sliced there: along which dimension, and to how many channels."""


@pytest.fixture(scope="module")
def classifier():
    """A backbone as pretraining leaves it: no tensor as it started, batch norm's statistics included."""
    model = Classifier("xception-a-fitted")
    initialise(model, 99)
    random = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for value in trained(model).values():
            value.copy_(torch.rand(value.shape, generator=random) + 0.5)
    return model.eval()


@pytest.fixture(scope="module")
def file(classifier, tmp_path_factory):
    path = tmp_path_factory.mktemp("pretrained") / "weights.pt"
    weights.save(path, {"made_for": {"backbone": "xception-a-fitted"}, "state": trained(classifier)})
    return path


def started(name, interpretation, path):
    """A variant's networks, their tensors before pretrained weights are loaded, and what loading reports."""
    variant = VARIANTS[name].model_copy(update={"interpretation": interpretation})
    model = build(variant.model_dump(), 19)
    initialise(model, 0)
    networks = model.structure.networks.eval()
    before = [{key: value.clone() for key, value in network.state_dict().items()} for network in networks]
    return networks, before, weights.load_pretrained(networks, path, variant.pretrained)


def test_a_later_network_works_as_the_pretrained_one_where_nothing_is_reused(classifier, file):
    later = started("dfanet-a", "sliced", file)[0][2].backbone
    pretrained = classifier.network.backbone
    enc2, enc3 = torch.rand(1, 48, 12, 16), torch.rand(1, 96, 6, 8)
    with torch.inference_mode():
        for stage, own, reused in (("enc3", enc2, 96), ("enc4", enc3, 192)):
            nothing = own.new_zeros(1, reused, *own.shape[2:])
            found = getattr(later, stage)(torch.cat((own, nothing), dim=1))
            torch.testing.assert_close(found, getattr(pretrained, stage)(own))
    assert torch.equal(later.enc2[1].body[0][0].weight, pretrained.enc2[1].body[0][0].weight)


@pytest.mark.parametrize("interpretation", ["fitted", "sliced"])
def test_all_else_keeps_its_start(classifier, file, interpretation):
    networks, before, _ = started("dfanet-a", interpretation, file)
    pretrained = trained(classifier)
    for network, expected in zip(networks[1:], before[1:], strict=True):
        for name, value in network.state_dict().items():
            if name in pretrained and pretrained[name].shape == value.shape:
                expected[name] = pretrained[name]
            elif interpretation == "sliced" and name in SLICED:
                dimension, channels = SLICED[name]
                expected[name].narrow(dimension, 0, channels).copy_(pretrained[name])
            assert torch.equal(value, expected[name]), name


@pytest.mark.parametrize(
    ("name", "interpretation", "sliced", "reshaped"),
    [("dfanet-a", "fitted", 0, 36), ("dfanet-a", "sliced", 24, 12), ("d", "sliced", 24, 12), ("c", "sliced", 0, 12)],
)
def test_each_network_says_what_it_took(file, name, interpretation, sliced, reshaped):
    first, *later = started(name, interpretation, file)[2]
    assert first["sliced"] == first["reshaped"] == 0 and first["missing"] == 6, "attention's way back and its norm"
    for each in later:
        assert (each["sliced"], each["reshaped"], each["missing"]) == (sliced, reshaped, 6)
        # Without conv1 (a weight and five of batch norm) it holds what the first one does.
        assert sum(each.values()) == sum(first.values()) - 6


def test_fc_layer_is_every_networks(classifier, file):
    for network in started("d", "sliced", file)[0]:
        assert torch.equal(network.attention.fc.weight, classifier.network.attention.fc.weight)
        assert torch.equal(network.attention.fc.bias, classifier.network.attention.fc.bias)
