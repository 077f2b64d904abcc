"""FC attention (Section 3.2): 1000 outputs whatever it was pretrained on, and one weight a channel."""

import pytest
import torch

from models.attention import FCAttention
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
