"""Learned upsampling and unpooling to a target size, for encoder-decoder networks."""

import torch.nn.functional as F
from torch import Tensor, nn


class Doubling(nn.ConvTranspose2d):
    """Transposed convolution of stride 2, cropped to a target size.

    The encoder rounds odd sides up, so twice the smaller side is the target or one more.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int = 2, bias: bool = False):
        super().__init__(
            inputs, outputs, kernel, stride=2, padding=(kernel - 1) // 2, output_padding=kernel % 2, bias=bias
        )

    def forward(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        """Map Nx`inputs`xhxw to Nx`outputs`x`size`, where `size` is 2h or 2h - 1 by 2w or 2w - 1."""
        return super().forward(x)[..., : size[0], : size[1]]


def pool(x: Tensor) -> tuple[Tensor, Tensor]:
    """Max-pool NxCxHxW over 2x2 windows to ceil(H/2) x ceil(W/2); also return where in its plane each maximum was."""
    return F.max_pool2d(x, 2, ceil_mode=True, return_indices=True)


def unpool(x: Tensor, indices: Tensor, size: tuple[int, int]) -> Tensor:
    """Place each value of `x` at the index where `pool` found its maximum, in a plane of `size`; zeros elsewhere."""
    return F.max_unpool2d(x, indices, 2, output_size=list(size))
