"""ResNet (He et al. 2016): Table 2's ResNet-50, and the backbone of several of the networks in Table 5."""

from itertools import pairwise

import torch
from torch import Tensor, nn

from models.layers import ConvNorm

STEM = 64


class Residual(nn.Module):
    """A body and the sum with its input, through a normalised 1x1 convolution where shapes differ."""

    def __init__(self, body: nn.Sequential, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.body, self.stride = body, stride
        same = stride == 1 and inputs == outputs
        self.shortcut = nn.Identity() if same else ConvNorm(inputs, outputs, activation=False)

    def forward(self, x: Tensor) -> Tensor:
        # As in models/xception.py: a strided 1x1 convolution is one of every other pixel.
        return torch.relu(self.body(x) + self.shortcut(x[:, :, :: self.stride, :: self.stride]))


class Basic(Residual):
    """Two 3x3 convolutions (ResNet-18)."""

    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int = 1, dilation: int = 1):
        body = nn.Sequential(
            ConvNorm(inputs, width, 3, stride, dilation=dilation),
            ConvNorm(width, width, 3, activation=False, dilation=dilation),
        )
        super().__init__(body, inputs, width, stride)


class Bottleneck(Residual):
    """1x1, 3x3 and 1x1 to four times the width. The 3x3 has the stride, as in most implementations since 2016."""

    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int = 1, dilation: int = 1):
        outputs = self.expansion * width
        body = nn.Sequential(
            ConvNorm(inputs, width),
            ConvNorm(width, width, 3, stride, dilation=dilation),
            ConvNorm(width, outputs, activation=False),
        )
        super().__init__(body, inputs, outputs, stride)


DEPTHS = {18: (Basic, (2, 2, 2, 2)), 50: (Bottleneck, (3, 4, 6, 3)), 101: (Bottleneck, (3, 4, 23, 3))}
"""Block and blocks a stage, of each depth (He et al., Table 1)."""


class ResNet(nn.Module):
    """Stem and four stages; `widths` are the stages' channels.

    From `output_stride` (8, 16 or 32) on, stages dilate in place of halving the resolution. `inputs` are the image's
    channels, `width` those of the stem: half of 64 halves every layer. A `deep_stem` is three 3x3 convolutions, the
    last twice as wide, in place of the 7x7 (PSPNet).
    """

    def __init__(
        self, depth: int, output_stride: int = 32, inputs: int = 3, width: int = STEM, deep_stem: bool = False
    ):
        super().__init__()
        block, blocks = DEPTHS[depth]
        self.widths = tuple(block.expansion * width * 2**stage for stage in range(4))
        stem = _deep_stem(inputs, width) if deep_stem else [ConvNorm(inputs, width, 7, stride=2)]
        self.stem = nn.Sequential(*stem, nn.MaxPool2d(3, stride=2, padding=1))
        strides = [1, 2, 2, 2]
        dilations = [1, 1, 1, 1]
        for stage in range(1, 4):
            if 2 ** (stage + 2) > output_stride:
                strides[stage], dilations[stage] = 1, 2 * dilations[stage - 1]
        self.stages = nn.ModuleList(
            _stage(block, width, count, stride, dilation)
            for width, count, stride, dilation in zip(
                pairwise((2 * width if deep_stem else width, *self.widths)), blocks, strides, dilations, strict=True
            )
        )

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """The four stages, at strides 4, 8, 16 and 32 (or `output_stride`), of images NxCxHxW."""
        features = []
        x = self.stem(images)
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        return tuple(features)


def _deep_stem(inputs: int, width: int) -> list[ConvNorm]:
    return [ConvNorm(inputs, width, 3, stride=2), ConvNorm(width, width, 3), ConvNorm(width, 2 * width, 3)]


def _stage(
    block: type[Basic] | type[Bottleneck], widths: tuple[int, int], count: int, stride: int, dilation: int
) -> nn.Sequential:
    """A dilated stage's first block still has the resolution, and so the dilation, of the stage before it."""
    inputs, outputs = widths
    width = outputs // block.expansion
    first = block(inputs, width, stride, dilation if stride > 1 else max(1, dilation // 2))
    return nn.Sequential(first, *(block(outputs, width, 1, dilation) for _ in range(count - 1)))
