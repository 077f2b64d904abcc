"""BiSeNet (Yu, Wang, Peng, Gao, Yu, Sang, ECCV 2018) around any context path.

The paper leaves kernels and channels open; here they are those of the authors' code (TorchSeg, the ".speed" models).

DFANet's Table 5 has 14.8 G and 55.3 G at 768x1536 for the two context paths. Both are BiSeNet's 2.9 and 10.8 at 640x360
times the ratio of the pixels, 5.12. Counted there in units of 2^30 MACs, these networks give 2.85 and 10.79; at
768x1536, in units of 10^9, they give 15.6 and 58.3. The parameters, 5.8 and 49.0 "M", fit mebibytes of float32: 5.9 and
49.2 are counted, which is 1.54 and 12.89 million.
"""

import torch
from torch import Tensor, nn

from models.heads import Head, WithAuxiliary
from models.layers import ConvNorm, resize

WIDTH = 128
"""Channels of both paths where they meet."""


class Gate(nn.Sequential):
    """One weight in (0, 1) a channel, from the global average: Figure 2 (b) and (c)."""

    def __init__(self, *layers: nn.Module):
        super().__init__(nn.AdaptiveAvgPool2d(1), *layers, nn.Sigmoid())


class AttentionRefinement(nn.Module):
    """Figure 2 (b), after a 3x3 convolution to `WIDTH` channels."""

    def __init__(self, inputs: int):
        super().__init__()
        self.reduce = ConvNorm(inputs, WIDTH, 3)
        self.gate = Gate(ConvNorm(WIDTH, WIDTH, activation=False))

    def forward(self, features: Tensor) -> Tensor:
        x = self.reduce(features)
        return x * self.gate(x)


class FeatureFusion(nn.Module):
    """Figure 2 (c): both paths concatenated, mixed by a 1x1 convolution, and reweighted beside themselves."""

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
    """Figure 2 (a). `context` returns features that end in strides 16 and 32, with `widths` channels.

    Section 3.3: two auxiliary losses on the context path, both with weight 1.
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
