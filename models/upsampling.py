"""Learned doubling and unpooling, to a target size: what encoder-decoders climb back with."""

import torch.nn.functional as F
from torch import Tensor, nn


class Doubling(nn.ConvTranspose2d):
    """Transposed convolution of stride 2, cropped to a target size.

    Going down rounds up where a side is odd, so twice the smaller side is the target or one more.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int = 2, bias: bool = False):
        super().__init__(
            inputs, outputs, kernel, stride=2, padding=(kernel - 1) // 2, output_padding=kernel % 2, bias=bias
        )

    def forward(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        """Nx`inputs`xhxw to Nx`outputs`x`size`, `size` being 2h or 2h - 1 by 2w or 2w - 1."""
        return super().forward(x)[..., : size[0], : size[1]]


def pool(x: Tensor) -> tuple[Tensor, Tensor]:
    """2x2 max pooling of NxCxHxW to ceil(H/2) x ceil(W/2), and where in its HxW plane each maximum was."""
    return F.max_pool2d(x, 2, ceil_mode=True, return_indices=True)


def unpool(x: Tensor, indices: Tensor, size: tuple[int, int]) -> Tensor:
    """Put each value of `x` where `pool` found its maximum in a plane of `size`; zeros elsewhere."""
    return F.max_unpool2d(x, indices, 2, output_size=list(size))
