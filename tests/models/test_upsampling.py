"""Going up again: unpooling against the maxima themselves, doubling against torch's transposed convolution."""

import pytest
import torch
import torch.nn.functional as F

from models.initialisation import initialise
from models.upsampling import Doubling, pool, unpool


@pytest.mark.parametrize("size", [(4, 6), (5, 7)])
def test_unpooling_keeps_the_maxima_where_they_were(size):
    x = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0)) + 1
    expected = torch.zeros_like(x)
    for row in range(0, size[0], 2):
        for column in range(0, size[1], 2):
            window = x[..., row : row + 2, column : column + 2]
            largest = window == window.amax((2, 3), keepdim=True)
            expected[..., row : row + 2, column : column + 2] = window * largest
    assert torch.equal(unpool(*pool(x), size), expected)


@pytest.mark.parametrize("kernel", [2, 3, 4])
@pytest.mark.parametrize("size", [(10, 14), (9, 13)])
def test_doubling_is_a_transposed_convolution_cut_to_size(kernel, size):
    layer = Doubling(3, 4, kernel)
    x = torch.rand(2, 3, 5, 7, generator=torch.Generator().manual_seed(0))
    border = (kernel - 1) // 2
    full = F.conv_transpose2d(x, layer.weight, stride=2)[..., border:, border:]
    assert torch.allclose(layer(x, size), full[..., : size[0], : size[1]], atol=1e-6)


def test_transposed_convolutions_start_as_convolutions_do():
    layer, again, other = (Doubling(256, 64, 3, bias=True) for _ in range(3))
    for module, seed in ((layer, 0), (again, 0), (other, 1)):
        initialise(module, seed)
    assert layer.weight.std().item() == pytest.approx((2 / (64 * 9)) ** 0.5, rel=0.02)
    assert torch.equal(layer.weight, again.weight)
    assert not torch.equal(layer.weight, other.weight)
    assert not layer.bias.any()
