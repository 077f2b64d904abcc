"""SQ (Treml et al., MLITS workshop at NIPS 2016, "Speeding up Semantic Segmentation for Autonomous Driving").

SqueezeNet 1.1 with ELU, parallel dilated convolutions at its end, and refinements as in SharpMask up to stride 2.

Published (DFANet's Table 5): 270 GFLOPs at 1024x2048. The paper does not give the decoder's widths and the dilation
rates. Our choice makes each refinement as wide as the encoder at its resolution. It takes 254 GMACs there, 6 % from 270
at one FLOP per MAC. Two public implementations take 147 and 575; the first is 9 % from 270 at two FLOPs per MAC, so it
remains open which of the two the 270 counts.

The first author's public code (mtreml/squeezenet) is another network without dilated convolutions: its first
convolution has full resolution, its bypasses have 32 channels, and its decoder is as wide as there are classes.

Deviation: an odd side is rounded up when halved.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.upsampling import Doubling

WIDTHS = (64, 128, 256, 512)
"""Channels at strides 2, 4, 8 and 16, in the encoder and the decoder."""
RATES = (1, 2, 3, 4)


def conv(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Convolution with bias, and ELU."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2), nn.ELU(inplace=True))


class Fire(nn.Module):
    """Module of SqueezeNet: a 1x1 squeeze to an eighth of the width, and parallel 1x1 and 3x3 convolutions."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.squeeze = conv(inputs, outputs // 8, 1)
        self.small = conv(outputs // 8, outputs // 2, 1)
        self.large = conv(outputs // 8, outputs // 2, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.squeeze(x)
        return torch.cat((self.small(x), self.large(x)), dim=1)


class Encoder(nn.Module):
    """SqueezeNet 1.1 without its classifier, with ELU instead of ReLU."""

    def __init__(self):
        super().__init__()
        self.stages = nn.ModuleList(
            [
                conv(3, 64, stride=2),
                nn.Sequential(Fire(64, 128), Fire(128, 128)),
                nn.Sequential(Fire(128, 256), Fire(256, 256)),
                nn.Sequential(Fire(256, 384), Fire(384, 384), Fire(384, 512), Fire(512, 512)),
            ]
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        """Return features at strides 2, 4, 8 and 16 of images Nx3xHxW."""
        features = []
        for stage in self.stages:
            x = stage(F.max_pool2d(x, 3, stride=2, padding=1) if features else x)
            features.append(x)
        return features


class Context(nn.Module):
    """Parallel dilated convolutions, summed."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.branches = nn.ModuleList(nn.Conv2d(inputs, outputs, 3, padding=rate, dilation=rate) for rate in RATES)

    def forward(self, x: Tensor) -> Tensor:
        return F.elu(sum(branch(x) for branch in self.branches))


class Refine(nn.Module):
    """Refinement of SharpMask: concatenate upsampled features and convolved encoder features, and convolve both."""

    def __init__(self, inputs: int, width: int):
        super().__init__()
        self.upsample = Doubling(inputs, width, kernel=3, bias=True)
        self.bypass = conv(width, width)
        self.merge = conv(2 * width, width)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        return self.merge(torch.cat((F.elu(self.upsample(x, skip.shape[-2:])), self.bypass(skip)), dim=1))


class Decoder(nn.Module):
    """Context at stride 16, and three refinements up to stride 2."""

    def __init__(self):
        super().__init__()
        first, second, third, last = WIDTHS
        self.context = Context(last, third)
        self.steps = nn.ModuleList([Refine(third, third), Refine(third, second), Refine(second, first)])

    def forward(self, features: list[Tensor]) -> Tensor:
        *skips, x = features
        x = self.context(x)
        for step, skip in zip(self.steps, reversed(skips), strict=True):
            x = step(x, skip)
        return x


class Network(nn.Module):
    """Map images Nx3xHxW to scores Nx`classes`xHxW, for any H and W."""

    def __init__(self, classes: int):
        super().__init__()
        self.encoder, self.decoder = Encoder(), Decoder()
        self.classify = Doubling(WIDTHS[0], classes, kernel=3, bias=True)

    def forward(self, images: Tensor) -> Tensor:
        return self.classify(self.decoder(self.encoder(images)), images.shape[-2:])
