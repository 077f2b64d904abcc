"""The lightweight Xception of Table 1, as the first or a later network of an aggregation."""

from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

from models.interpretation import FIRST, Blocks
from models.layers import ConvNorm, SeparableConv


class Features(NamedTuple):
    """Stages of one network, at strides 4, 8 and 16 of the image in a first network (8, 16 and 32 in a second, ...)."""

    enc2: Tensor
    enc3: Tensor
    enc4: Tensor


class Table1(NamedTuple):
    """One column of Table 1: channels of the stem, and output channels and number of blocks of each stage."""

    stem: int
    widths: tuple[int, int, int]
    blocks: tuple[int, int, int]


XCEPTION_A = Table1(stem=8, widths=(48, 96, 192), blocks=(4, 6, 4))
XCEPTION_B = Table1(stem=8, widths=(32, 64, 128), blocks=(4, 6, 4))


class Block(nn.Module):
    """Three separable convolutions, the first two with a quarter of the channels, and the sum with the input (Table 1).

    The first block of a stage halves the resolution. `options` says which convolution does so, and what the shortcut
    contains.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, options: Blocks = FIRST.blocks):
        super().__init__()
        widths = (inputs, outputs // 4, outputs // 4, outputs)
        self.body = nn.Sequential(
            *(
                SeparableConv(
                    *pair, stride if place == options.strided else 1, place < 3, depthwise_norm=options.depthwise_norm
                )
                for place, pair in enumerate(pairwise(widths), start=1)
            )
        )
        first = stride > 1 or inputs != outputs
        self.shortcut = _shortcut(inputs, outputs, stride, options) if first else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        body = self.body(x)
        return torch.relu(body if self.shortcut is None else body + self.shortcut(x))


class Strided1x1(nn.Sequential):
    """Layers that start with a 1x1 convolution, applied to every `stride`th pixel, which equals a stride in the 1x1.

    With the stride in the convolution itself, its gradient for 8 channels corrupts memory in the CPU build of torch
    2.13 (oneDNN, channels_last).
    """

    def __init__(self, stride: int, *layers: nn.Module):
        super().__init__(*layers)
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x[:, :, :: self.stride, :: self.stride])


def _shortcut(inputs: int, outputs: int, stride: int, options: Blocks) -> nn.Module | None:
    kinds = {
        "none": lambda: None,
        "plain": lambda: Strided1x1(stride, nn.Conv2d(inputs, outputs, 1, bias=False)),
        "normalised": lambda: Strided1x1(stride, *ConvNorm(inputs, outputs, activation=False)),
        "separable": lambda: SeparableConv(inputs, outputs, stride, False, options.depthwise_norm),
    }
    return kinds[options.shortcut]()


class Xception(nn.Module):
    """Stages conv1, enc2, enc3 and enc4 of Table 1.

    If `entry` is None, the network reads RGB images through conv1. Otherwise it is a later network: it has no conv1 and
    reads features of `entry` channels. `reused` are the channels of another network's stages, which are concatenated to
    the input of enc2, enc3 and enc4 (Figure 3); with zeros nothing is reused.
    """

    def __init__(
        self,
        table: Table1,
        entry: int | None = None,
        reused: tuple[int, int, int] = (0, 0, 0),
        options: Blocks = FIRST.blocks,
    ):
        super().__init__()
        self.widths = table.widths
        self.conv1 = ConvNorm(3, table.stem, kernel=3, stride=2) if entry is None else nn.Identity()
        inputs = (entry or table.stem, *table.widths[:2])
        stages = [
            nn.Sequential(Block(i + r, width, 2, options), *(Block(width, width, 1, options) for _ in range(count - 1)))
            for i, r, width, count in zip(inputs, reused, table.widths, table.blocks, strict=True)
        ]
        self.enc2, self.enc3, self.enc4 = stages

    def forward(self, x: Tensor, reused: Features | None = None) -> Features:
        """Return the stages of images Nx3xHxW or features Nx`entry`xHxW. `reused` are the stages to concatenate."""
        stages = []
        x = self.conv1(x)
        for index, stage in enumerate((self.enc2, self.enc3, self.enc4)):
            x = stage(x if reused is None else torch.cat((x, reused[index]), dim=1))
            stages.append(x)
        return Features(*stages)
