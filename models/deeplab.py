"""DeepLabv3+: Encoder-Decoder with Atrous Separable Convolution. Chen, Zhu, Papandreou, Schroff, Adam, ECCV 2018."""

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn

from models.layers import ConvNorm, resize

RATES = (6, 12, 18)
"""Dilation rates of the atrous convolutions at output stride 16."""


class AtrousSeparable(nn.Sequential):
    """Atrous depthwise 3x3 and 1x1 (Figure 3), each with batch norm and, unless `activation` is False, ReLU."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1, dilation: int = 1, activation: bool = True):
        super().__init__(
            ConvNorm(inputs, inputs, 3, stride, activation, dilation, groups=inputs),
            ConvNorm(inputs, outputs, activation=activation),
        )


class AtrousPyramid(nn.Module):
    """ASPP of DeepLabv3 (Chen et al. 2017): a 1x1, one 3x3 per rate in `rates`, and image pooling, concatenated.

    Without rates it is the context module of MobileNetV2's light variant: a 1x1 and image pooling.
    """

    def __init__(self, inputs: int, width: int, rates: Sequence[int], separable: bool):
        super().__init__()
        atrous = AtrousSeparable if separable else partial(ConvNorm, kernel=3)
        self.branches = nn.ModuleList(
            [ConvNorm(inputs, width), *(atrous(inputs, width, dilation=rate) for rate in rates)]
        )
        self.everywhere = nn.Sequential(nn.AdaptiveAvgPool2d(1), ConvNorm(inputs, width))
        self.project = nn.Sequential(ConvNorm((2 + len(rates)) * width, width), nn.Dropout(0.1))

    def forward(self, features: Tensor) -> Tensor:
        """Map NxCxHxW to Nx`width`xHxW."""
        pooled = resize(self.everywhere(features), features.shape[-2:])
        return self.project(torch.cat([*(branch(features) for branch in self.branches), pooled], dim=1))


class Decoder(nn.Module):
    """Decoder of Figure 2: concatenate upsampled context and 48 low-level channels, apply two 3x3 (Section 4.1)."""

    def __init__(self, low: int, width: int):
        super().__init__()
        self.reduce = ConvNorm(low, 48)
        self.mix = nn.Sequential(AtrousSeparable(width + 48, width), AtrousSeparable(width, width))

    def forward(self, context: Tensor, low: Tensor) -> Tensor:
        return self.mix(torch.cat((resize(context, low.shape[-2:]), self.reduce(low)), dim=1))


class DeepLab(nn.Module):
    """DeepLabv3+: an encoder, atrous spatial pyramid pooling, a decoder and a classifier.

    `encoder` returns features at strides 4 and 16 and has their channels as `widths`. Without a decoder the network is
    DeepLabv3, which the MobileNetV2 paper evaluates.
    """

    def __init__(
        self,
        encoder: nn.Module,
        classes: int,
        rates: Sequence[int] = RATES,
        separable: bool = True,
        decoder: bool = True,
        width: int = 256,
    ):
        super().__init__()
        self.encoder = encoder
        low, high = encoder.widths
        self.context = AtrousPyramid(high, width, rates, separable)
        self.decoder = Decoder(low, width) if decoder else None
        self.classify = nn.Conv2d(width, classes, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Return class scores Nx`classes`xHxW for images Nx3xHxW."""
        low, high = self.encoder(images)
        x = self.context(high)
        x = self.decoder(x, low) if self.decoder else x
        return resize(self.classify(x), images.shape[-2:])
