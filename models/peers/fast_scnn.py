"""Fast-SCNN: Fast Semantic Segmentation Network. Poudel, Liwicki, Cipolla, BMVC 2019 (arXiv 1902.04502).

Published: 1.11 M parameters, and no MACs. The network here has 1.14 M and 6.7 GMACs at 1024x2048. The paper does not
specify the convolutions of the pyramid pooling; here they are PSPNet's and a 1x1. Fast-SCNN appeared after DFANet and
is in none of its tables.
"""

import torch
from torch import Tensor, nn

from models.heads import Head, PyramidPooling, WithAuxiliary
from models.layers import ConvNorm, SeparableConv, resize
from models.mobilenet import inverted_residuals

WIDTH = 128


class FeatureFusion(nn.Module):
    """Table 3: coarse features, resized, through a dilated depthwise 3x3 and a 1x1; fine ones through a 1x1; summed.

    The dilation is four, the ratio of the two sizes.
    """

    def __init__(self, fine: int, coarse: int):
        super().__init__()
        self.coarse = nn.Sequential(
            ConvNorm(coarse, coarse, 3, dilation=4, groups=coarse), ConvNorm(coarse, WIDTH, activation=False)
        )
        self.fine = ConvNorm(fine, WIDTH, activation=False)

    def forward(self, fine: Tensor, coarse: Tensor) -> Tensor:
        return torch.relu(self.coarse(resize(coarse, fine.shape[-2:])) + self.fine(fine))


class Network(WithAuxiliary):
    """Table 1: learning to downsample, global feature extractor, feature fusion and classifier.

    The auxiliary losses have weight 0.4 and follow the first two modules. The paper does not describe their heads; here
    they are a 3x3 convolution to 32 channels and a classifier.
    """

    auxiliary_weights = (0.4, 0.4)

    def __init__(self, classes: int):
        super().__init__()
        self.downsample = nn.Sequential(
            ConvNorm(3, 32, 3, stride=2), SeparableConv(32, 48, 2), SeparableConv(48, 64, 2)
        )
        self.extract = nn.Sequential(
            inverted_residuals(64, 64, count=3, stride=2),
            inverted_residuals(64, 96, count=3, stride=2),
            inverted_residuals(96, WIDTH, count=3, stride=1),
        )
        self.context = PyramidPooling(WIDTH)
        self.reduce = ConvNorm(self.context.width, WIDTH)
        self.fuse = FeatureFusion(64, WIDTH)
        self.mix = nn.Sequential(SeparableConv(WIDTH, WIDTH), SeparableConv(WIDTH, WIDTH), nn.Dropout(0.1))
        self.classify = nn.Conv2d(WIDTH, classes, 1)
        self.auxiliary = nn.ModuleList(Head(width, 32, classes) for width in (64, WIDTH))

    def features(self, images: Tensor) -> tuple[Tensor, ...]:
        fine = self.downsample(images)
        coarse = self.reduce(self.context(self.extract(fine)))
        return self.classify(self.mix(self.fuse(fine, coarse))), fine, coarse
