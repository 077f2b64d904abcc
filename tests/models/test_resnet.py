"""ResNet against the figures that everyone publishes for it, and by hand."""

import pytest
import torch
import torch.nn.functional as F

from models.network import Classifier
from models.resnet import Basic, Bottleneck, ResNet
from pipeline.complexity.macs import count_at

PUBLISHED = {18: (11_689_512, 1.814), 50: (25_557_032, 4.089), 101: (44_549_160, 7.801)}
"""Parameters with the 1000-class layer, and GMACs at 224x224, of torchvision's models."""


@pytest.mark.parametrize("depth", PUBLISHED)
def test_parameters_and_macs_are_the_published_ones(depth):
    model = ResNet(depth).to("meta").eval()
    fc = model.widths[-1] * 1000
    parameters, gmacs = PUBLISHED[depth]
    assert sum(parameter.numel() for parameter in model.parameters()) + fc + 1000 == parameters
    assert (count_at(model, (224, 224))["macs"] + fc) / 1e9 == pytest.approx(gmacs, abs=0.0005)


def test_what_is_pretrained_is_resnet_50_and_its_fc_layer():
    model = Classifier("resnet-50")
    trained = [value for name, value in model.named_parameters() if ".back." not in name]
    # A deep stem has three 3x3 convolutions for one 7x7, and the first stage reads 128 channels for 64.
    deeper = 9 * (3 * 64 + 64 * 64 + 64 * 128) + 2 * (64 + 64 + 128) - (49 * 3 * 64 + 2 * 64) + 64 * (64 + 256)
    assert sum(value.numel() for value in trained) == PUBLISHED[50][0] + deeper
    scores = model.train()(torch.rand(2, 3, 33, 47))
    assert scores.shape == (2, 1000)
    scores.square().mean().backward()
    assert all(value.grad is not None for value in trained)


@pytest.mark.parametrize("size", [(96, 128), (97, 131)])
def test_a_stride_in_the_first_convolution_is_a_strided_1x1_convolution(size):
    block = Bottleneck(8, 4, stride=2, strided=1).eval()
    x = torch.randn(2, 8, *size)
    with torch.no_grad():
        convolution, norm, relu = block.body[0]
        halved = relu(norm(F.conv2d(x, convolution.weight, stride=2)))
        expected = torch.relu(
            block.body[1:](halved) + block.shortcut[1](F.conv2d(x, block.shortcut[0].weight, stride=2))
        )
        torch.testing.assert_close(block(x), expected)


@pytest.mark.parametrize(("output_stride", "sides"), [(8, (16, 16, 16)), (16, (16, 8, 8)), (32, (16, 8, 4))])
def test_output_stride_keeps_resolution_and_weights(output_stride, sides):
    model, plain = ResNet(50, output_stride).eval(), ResNet(50)
    with torch.inference_mode():
        stages = model(torch.rand(1, 3, 128, 128))
    assert [tuple(stage.shape[1:]) for stage in stages] == [
        (width, side, side) for width, side in zip((256, 512, 1024, 2048), (32, *sides), strict=True)
    ]
    model.load_state_dict(plain.state_dict())


def test_dilation_sees_what_the_strided_stage_would_have_seen():
    """A dilated stage on full resolution, read at every other pixel, is the strided stage (à trous, by definition)."""
    strided, dilated = (ResNet(50, output_stride).eval() for output_stride in (32, 16))
    dilated.load_state_dict(strided.state_dict())
    images = torch.rand(1, 3, 96, 128)
    with torch.inference_mode():
        torch.testing.assert_close(dilated(images)[-1][:, :, ::2, ::2], strided(images)[-1], rtol=1e-4, atol=1e-4)


def test_blocks_by_hand():
    basic = (9 * 64 * 128 + 2 * 128) + (9 * 128 * 128 + 2 * 128) + (64 * 128 + 2 * 128)
    assert sum(parameter.numel() for parameter in Basic(64, 128, stride=2).parameters()) == basic
    bottleneck = (256 * 64 + 2 * 64) + (9 * 64 * 64 + 2 * 64) + (64 * 256 + 2 * 256)
    assert sum(parameter.numel() for parameter in Bottleneck(256, 64).parameters()) == bottleneck
