"""ResNet (He et al. 2016): the ResNet-50 of Table 2, and the backbone of several networks in Table 5."""

import torch
from torch import Tensor, nn

from models.layers import ConvNorm

STEM = 64
"""Channels of the stem; the first stage of bottlenecks has four times as many."""


class Residual(nn.Module):
    """The sum of `body` and its input; where shapes differ, the input passes a 1x1 convolution with batch norm.

    With `before`, the input of both paths is subsampled, which equals a strided 1x1 convolution at the start of the
    body.
    """

    def __init__(self, body: nn.Sequential, inputs: int, outputs: int, stride: int, before: bool = False):
        super().__init__()
        self.body, self.stride, self.before = body, stride, before
        same = stride == 1 and inputs == outputs
        self.shortcut = nn.Identity() if same else ConvNorm(inputs, outputs, activation=False)

    def forward(self, x: Tensor) -> Tensor:
        # A strided 1x1 convolution reads every `stride`th pixel; see `Strided1x1` in models/xception.py.
        strided = x[:, :, :: self.stride, :: self.stride]
        return torch.relu(self.body(strided if self.before else x) + self.shortcut(strided))


class Basic(Residual):
    """Two 3x3 convolutions, the first of which has the stride (ResNet-18)."""

    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int = 1, dilation: int = 1, strided: int = 1):
        body = nn.Sequential(
            ConvNorm(inputs, width, 3, stride, dilation=dilation),
            ConvNorm(width, width, 3, activation=False, dilation=dilation),
        )
        super().__init__(body, inputs, width, stride)


class Bottleneck(Residual):
    """1x1, 3x3 and 1x1 to four times the width. The first (He et al.) or second (later practice) has the stride."""

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
"""Type of block and number of blocks per stage, by depth (He et al., Table 1)."""


class ResNet(nn.Module):
    """A stem and four stages; `widths` are the channels of the stages.

    Stages beyond `output_stride` (8, 16 or 32) dilate instead of halving the resolution. The first block of a dilated
    stage keeps the dilation of the previous stage (slim, and TorchSeg by DFANet's laboratory), or uses that of its own
    stage with `dilate_first` (the authors' PSPNet and ICNet). `strided` is the convolution of a bottleneck that has the
    stride, 1 or 2. A deep stem replaces one 7x7 convolution by three 3x3, to 64, 64 and 128 channels (Zhao et al.
    2017). `inputs` are the channels of the image and `stem` those of the stem; halving `stem` halves the width of every
    layer.
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
        """Return the four stages of images NxCxHxW, at strides 4, 8, 16 and 32 but never above `output_stride`."""
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
