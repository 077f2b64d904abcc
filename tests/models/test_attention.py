"""FC attention (Section 3.2): 1000 outputs whatever it was pretrained on, and one weight a channel."""

import pytest
import torch

from models.attention import ATTENTIONS, FCAttention
from models.interpretation import Gate
from models.network import BACKBONES, Classifier, Network


@pytest.mark.parametrize("backbone", BACKBONES)
def test_the_fc_layer_has_a_thousand_outputs(backbone):
    assert Classifier(backbone).eval()(torch.rand(2, 3, 64, 64)).shape == (2, 1000)


def test_what_is_pretrained_is_the_first_network_of_every_variant():
    pretrained = Classifier("xception-a").network.state_dict()
    assert {name: value.shape for name, value in pretrained.items()} == {
        name: value.shape for name, value in Network("xception-a", "fc").state_dict().items()
    }


def test_features_are_scaled_by_one_weight_a_channel_between_0_and_1():
    features = torch.rand(2, 192, 5, 7) + 0.1
    weights = FCAttention(192)(features) / features
    torch.testing.assert_close(weights, weights[:, :, :1, :1].expand_as(weights))
    assert ((weights > 0) & (weights < 1)).all()


def test_weights_follow_the_classifier_by_hand():
    attention = FCAttention(2)
    with torch.no_grad():
        for parameter in attention.parameters():
            parameter.zero_()
        attention.fc.weight[0, 1] = 3  # class 0 sees the mean of channel 1
        attention.back.weight[0, 0] = 2  # and weighs channel 0
    features = torch.tensor([[[[1.0, 1.0]], [[0.0, 1.0]]]])
    first, second = attention(features)[0]
    torch.testing.assert_close(first, torch.sigmoid(torch.tensor(2 * 3 * 0.5)) * features[0, 0])
    torch.testing.assert_close(second, 0.5 * features[0, 1])


def test_squeeze_and_excitation_by_hand():
    attention = ATTENTIONS["se"](32, Gate())
    with torch.no_grad():
        for parameter in attention.parameters():
            parameter.zero_()
        attention.squeeze.weight[1, 3] = 2  # hidden unit 1 sees the mean of channel 3
        attention.back.weight[5, 1] = -1  # and closes channel 5
    features = torch.rand(2, 32, 4, 6)
    expected = torch.sigmoid(-2 * features[:, 3].mean(dim=(1, 2)))
    torch.testing.assert_close(attention(features)[:, 5], expected[:, None, None] * features[:, 5])
    torch.testing.assert_close(attention(features)[:, 4], 0.5 * features[:, 4])


@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
@pytest.mark.parametrize("sigmoid", [True, False])
def test_every_gate_passes_gradients_and_starts_open(norm, sigmoid):
    torch.manual_seed(0)
    attention = FCAttention(64, Gate(norm, sigmoid, scale=2.0 if sigmoid else 1.0)).train()
    features = torch.rand(16, 64, 4, 4)
    gates = attention.gates(features)
    assert gates.shape == (16, 64, 1, 1)
    assert float(gates.detach().mean()) == pytest.approx(0.5 if sigmoid else 1.0, abs=0.1)
    attention(features).square().sum().backward()
    assert all(value.grad.any() for value in attention.parameters())


def test_a_batch_norm_before_the_gate_tells_images_apart():
    """However small the way back is, or however large: the gate's input has a standard deviation of 1."""
    for std in (0.1, 10.0):
        attention = FCAttention(64, Gate("batch")).train()
        torch.nn.init.normal_(attention.back.weight, 0, std)
        gates = attention.gates(torch.rand(16, 64, 4, 4))
        assert gates.std(0).mean() > 0.1


@pytest.mark.parametrize("attention", ["fc-scratch", "se", "none"])
def test_what_is_to_know_nothing_of_imagenet_takes_no_pretrained_gate(attention):
    network = Network("xception-a", attention)
    assert not any(network.takes(name) for name in network.state_dict() if name.startswith("attention."))
    assert all(network.takes(name) for name in network.state_dict() if name.startswith("backbone."))
