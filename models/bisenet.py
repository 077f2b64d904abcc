"""BiSeNet (Yu, Wang, Peng, Gao, Yu, Sang, ECCV 2018) with any context path.

The paper does not give kernels and channels. They follow the authors' code (TorchSeg, the ".speed" models).

DFANet's Table 5 reports 14.8 G and 55.3 G at 768x1536 for the two context paths: BiSeNet's own 2.9 and 10.8 at 640x360,
scaled by the ratio of pixels, 5.12. The networks here have 2.85 and 10.79 units of 2^30 MACs at 640x360, and 15.6 and
58.3 GMACs at 768x1536. The reported 5.8 and 49.0 "M" parameters match mebibytes of float32: the networks here have 5.9
and 49.2 MiB, which is 1.54 and 12.89 million parameters.
"""

import torch
from torch import Tensor, nn

from models.heads import Head, WithAuxiliary
from models.layers import ConvNorm, resize

WIDTH = 128
"""Channels of both paths where they are fused."""


class Gate(nn.Sequential):
    """One weight in (0, 1) per channel, computed from the global average (Figure 2 (b) and (c))."""

    def __init__(self, *layers: nn.Module):
        super().__init__(nn.AdaptiveAvgPool2d(1), *layers, nn.Sigmoid())


class AttentionRefinement(nn.Module):
    """Attention refinement (Figure 2 (b)) after a 3x3 convolution to `WIDTH` channels."""

    def __init__(self, inputs: int):
        super().__init__()
        self.reduce = ConvNorm(inputs, WIDTH, 3)
        self.gate = Gate(ConvNorm(WIDTH, WIDTH, activation=False))

    def forward(self, features: Tensor) -> Tensor:
        x = self.reduce(features)
        return x * self.gate(x)


class FeatureFusion(nn.Module):
    """Feature fusion (Figure 2 (c)): concatenate both paths, mix them by a 1x1, and add the reweighted mix to it."""

    def __init__(self, width: int):
        super().__init__()
        self.mix = ConvNorm(width, width)
        self.gate = Gate(
            nn.Conv2d(width, width, 1, bias=False), nn.ReLU(inplace=True), nn.Conv2d(width, width, 1, bias=False)
        )

    def forward(self, spatial: Tensor, context: Tensor) -> Tensor:
        x = self.mix(torch.cat((spatial, context), dim=1))
        return x + x * self.gate(x)


class BiSeNet(WithAuxiliary):
    """The network of Figure 2 (a).

    `context` returns features whose last two have strides 16 and 32; `widths` are their channels. The context path has
    two auxiliary losses, both with weight 1 (Section 3.3).
    """

    auxiliary_weights = (1.0, 1.0)

    def __init__(self, context: nn.Module, widths: tuple[int, ...], classes: int):
        super().__init__()
        self.spatial = nn.Sequential(
            ConvNorm(3, 64, 7, stride=2),
            ConvNorm(64, 64, 3, stride=2),
            ConvNorm(64, 64, 3, stride=2),
            ConvNorm(64, WIDTH),
        )
        self.context = context
        middle, last = widths[-2:]
        self.everywhere = nn.Sequential(nn.AdaptiveAvgPool2d(1), ConvNorm(last, WIDTH))
        self.attention = nn.ModuleList([AttentionRefinement(last), AttentionRefinement(middle)])
        self.refine = nn.ModuleList(ConvNorm(WIDTH, WIDTH, 3) for _ in self.attention)
        self.fuse = FeatureFusion(2 * WIDTH)
        self.head = Head(2 * WIDTH, 64, classes)
        self.auxiliary = nn.ModuleList(Head(WIDTH, 128, classes) for _ in self.attention)

    def features(self, images: Tensor) -> tuple[Tensor, ...]:
        spatial = self.spatial(images)
        *_, middle, last = self.context(images)
        x, refined = self.everywhere(last), []
        for stage, finer, attention, refine in zip(
            (last, middle), (middle, spatial), self.attention, self.refine, strict=True
        ):
            x = refine(resize(attention(stage) + x, finer.shape[-2:]))
            refined.append(x)
        return self.head(self.fuse(spatial, x)), *refined
