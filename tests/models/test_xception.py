"""Table 1's building blocks: their arithmetic by hand, and the stride of a block against torch's own."""

import pytest
import torch
import torch.nn.functional as F

from models import structures
from models.interpretation import Blocks
from models.layers import SeparableConv, resize
from models.xception import XCEPTION_A, XCEPTION_B, Block, Xception
from pipeline.complexity.macs import count_at


def cost(module):
    """Parameters, and MACs for an RGB image of 16x16."""
    return sum(parameter.numel() for parameter in module.parameters()), count_at(module.to("meta"), (16, 16))["macs"]


def test_separable_convolution_by_hand():
    depthwise, pointwise, norm = 3 * 9, 3 * 12, 2 * 12
    assert cost(SeparableConv(3, 12, stride=2)) == (depthwise + pointwise + norm, 8 * 8 * (depthwise + pointwise))


def test_block_by_hand():
    weights = (3 * 9 + 3 * 12) + (12 * 9 + 12 * 12) + (12 * 9 + 12 * 48) + 3 * 48
    norms = 2 * (12 + 12 + 48 + 48)
    assert cost(Block(3, 48, stride=2)) == (weights + norms, 8 * 8 * weights)


@pytest.mark.parametrize(("depthwise_norm", "more"), [(False, 0), (True, 2 * (3 + 12 + 12 + 3))])
def test_the_authors_block_by_hand(depthwise_norm, more):
    """Its shortcut is a separable 3x3; where depthwise convolutions have norms, the shortcut's has one too."""
    weights = (3 * 9 + 3 * 12) + (12 * 9 + 12 * 12) + (12 * 9 + 12 * 48) + (3 * 9 + 3 * 48)
    norms = 2 * (12 + 12 + 48 + 48)
    block = Block(3, 48, 2, Blocks(shortcut="separable", depthwise_norm=depthwise_norm))
    assert cost(block) == (weights + norms + more, 8 * 8 * weights)


@pytest.mark.parametrize("shortcut", ["none", "plain", "normalised", "separable"])
def test_a_block_without_stride_or_change_of_width_adds_its_input(shortcut):
    block = Block(48, 48, 1, Blocks(shortcut=shortcut)).eval()
    x = torch.randn(1, 48, 5, 7)
    with torch.no_grad():
        assert torch.equal(block(x), torch.relu(block.body(x) + x))


@pytest.mark.parametrize("size", [(12, 16), (13, 17)])
def test_the_shortcut_is_a_strided_1x1_convolution(size):
    block = Block(6, 48, stride=2).eval()
    x = torch.randn(2, 6, *size)
    convolution, norm = block.shortcut
    with torch.no_grad():
        expected = torch.relu(block.body(x) + norm(F.conv2d(x, convolution.weight, stride=2)))
        torch.testing.assert_close(block(x), expected)


@pytest.mark.parametrize("size", [(12, 16), (13, 17)])
def test_the_authors_shortcut_is_depthwise_with_the_stride_then_pointwise_and_its_norm_without_relu(size):
    block = Block(6, 48, 2, Blocks(shortcut="separable")).eval()
    depthwise, (pointwise, norm) = block.shortcut
    x = torch.randn(2, 6, *size)
    with torch.no_grad():
        halved = F.conv2d(x, depthwise.weight, stride=2, padding=1, groups=6)
        expected = torch.relu(block.body(x) + norm(F.conv2d(halved, pointwise.weight)))
        torch.testing.assert_close(block(x), expected)


@pytest.mark.parametrize(("table", "widths"), [(XCEPTION_A, (48, 96, 192)), (XCEPTION_B, (32, 64, 128))])
def test_table_1(table, widths):
    network = Xception(table).to("meta").eval()
    features = network(torch.empty(1, 3, 1024, 1024, device="meta"))
    assert [tuple(stage.shape[1:]) for stage in features] == [
        (width, side, side) for width, side in zip(widths, (256, 128, 64), strict=True)
    ]
    assert [len(stage) for stage in (network.enc2, network.enc3, network.enc4)] == [4, 6, 4]
    assert [stage[0].body[0][1][0].out_channels for stage in (network.enc2, network.enc3, network.enc4)] == [
        width // 4 for width in widths
    ]


def test_figure_3():
    structure = structures.find("d")("xception-a", "fc", 3).to("meta").eval()
    high, low = structure(torch.empty(1, 3, 1024, 1024, device="meta"))
    assert [tuple(output.shape[1:]) for output in high] == [(192, 64, 64), (192, 32, 32), (192, 16, 16)]
    assert [tuple(output.shape[1:]) for output in low] == [(48, 256, 256), (48, 128, 128), (48, 64, 64)]


def test_resizing_doubles_as_bilinear_interpolation_does_by_hand():
    row = torch.tensor([[[[0.0, 4.0]]]])
    assert resize(row, (1, 4)).tolist() == [[[[0.0, 1.0, 3.0, 4.0]]]]
