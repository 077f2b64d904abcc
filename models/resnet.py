"""ResNet (He et al. 2016): Table 2's ResNet-50, and the backbone of several of the networks in Table 5."""

import torch
from torch import Tensor, nn

from models.layers import ConvNorm

STEM = 64
"""Channels of the stem, and a quarter of the first stage's in a bottleneck."""


class Residual(nn.Module):
    """A body and the sum with its input, through a normalised 1x1 convolution where shapes differ.

    `before` halves the input of both paths, as a 1x1 convolution with a stride at the body's start would.
    """

    def __init__(self, body: nn.Sequential, inputs: int, outputs: int, stride: int, before: bool = False):
        super().__init__()
        self.body, self.stride, self.before = body, stride, before
        same = stride == 1 and inputs == outputs
        self.shortcut = nn.Identity() if same else ConvNorm(inputs, outputs, activation=False)

    def forward(self, x: Tensor) -> Tensor:
        # As in models/xception.py: a strided 1x1 convolution is one of every other pixel.
        strided = x[:, :, :: self.stride, :: self.stride]
        return torch.relu(self.body(strided if self.before else x) + self.shortcut(strided))


class Basic(Residual):
    """Two 3x3 convolutions (ResNet-18); the first has the stride."""

    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int = 1, dilation: int = 1, strided: int = 1):
        body = nn.Sequential(
            ConvNorm(inputs, width, 3, stride, dilation=dilation),
            ConvNorm(width, width, 3, activation=False, dilation=dilation),
        )
        super().__init__(body, inputs, width, stride)


class Bottleneck(Residual):
    """1x1, 3x3 and 1x1 to four times the width. The first has the stride (He et al.) or the second (later habit)."""

    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int = 1, dilation: int = 1, strided: int = 2):
        outputs = self.expansion * width
        body = nn.Sequential(
            ConvNorm(inputs, width),
            ConvNorm(width, width, 3, stride if strided == 2 else 1, dilation=dilation),
            ConvNorm(width, outputs, activation=False),
        )
        super().__init__(body, inputs, outputs, stride, before=strided == 1)


DEPTHS = {18: (Basic, (2, 2, 2, 2)), 50: (Bottleneck, (3, 4, 6, 3)), 101: (Bottleneck, (3, 4, 23, 3))}
"""Block and blocks a stage, of each depth (He et al., Table 1)."""


class ResNet(nn.Module):
    """Stem and four stages; `widths` are the stages' channels.

    From `output_stride` (8, 16 or 32) on, stages dilate in place of halving the resolution. A dilated stage's first
    block keeps the dilation of the stage before it, whose resolution it still has (slim; TorchSeg, by DFANet's
    laboratory), or takes its own stage's (`dilate_first`: the authors' PSPNet and ICNet). `strided` is the
    convolution of a bottleneck that has the stride, 1 or 2. A deep stem is three 3x3 convolutions, to 64, 64 and 128
    channels, in place of one 7x7 (Zhao et al. 2017). `inputs` are the image's channels, `stem` those of the stem: half
    of 64 halves every layer.
    """

    def __init__(
        self,
        depth: int,
        output_stride: int = 32,
        strided: int = 2,
        deep_stem: bool = False,
        dilate_first: bool = False,
        inputs: int = 3,
        stem: int = STEM,
    ):
        super().__init__()
        block, blocks = DEPTHS[depth]
        self.widths = tuple(block.expansion * stem * 2**stage for stage in range(4))
        self.stem = _deep_stem(inputs, stem) if deep_stem else _stem(inputs, stem)
        before, stride, dilation = 2 * stem if deep_stem else stem, 1, 1
        for number, (width, count) in enumerate(zip(self.widths, blocks, strict=True), start=1):
            earlier = dilation
            if number > 1 and stride == 1:
                dilation *= 2
            rate = dilation if dilate_first else earlier
            first = block(before, width // block.expansion, stride, rate, strided)
            others = (block(width, width // block.expansion, 1, dilation) for _ in range(count - 1))
            self.add_module(f"stage{number}", nn.Sequential(first, *others))
            before, stride = width, 2 if 2 ** (number + 2) <= output_stride else 1

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """The four stages, at strides 4, 8, 16 and 32 (or `output_stride`), of images NxCxHxW."""
        features = []
        x = self.stem(images)
        for stage in (self.stage1, self.stage2, self.stage3, self.stage4):
            x = stage(x)
            features.append(x)
        return tuple(features)


def _stem(inputs: int, width: int) -> nn.Sequential:
    return nn.Sequential(ConvNorm(inputs, width, 7, stride=2), nn.MaxPool2d(3, stride=2, padding=1))


def _deep_stem(inputs: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        ConvNorm(inputs, width, 3, stride=2),
        ConvNorm(width, width, 3),
        ConvNorm(width, 2 * width, 3),
        nn.MaxPool2d(3, stride=2, padding=1),
    )
