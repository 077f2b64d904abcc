"""U-Net (Ronneberger, Fischer, Brox; MICCAI 2015, arXiv 1505.04597): Figure 1.

Published: 23 convolutional layers, which have 31.0 M parameters by Figure 1. The paper reports no operations.

Deviations: convolutions are padded and the input is RGB, so that the scores have the size of the image. Figure 1 maps
572x572 to 388x388 and crops before concatenation.

From the authors' release (phseg_v5.prototxt): dropout of 0.5 after the two deepest steps of the contracting path, where
the paper only says "at the end", and a ReLU after each up-convolution, which the paper does not mention. The last
up-convolution of the release keeps 128 channels; the paper's and ours halve them to 64. Weights start as in the paper,
except those of the scores: normal with a variance of 2 over the fan-in.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.upsampling import Doubling
from models.vgg import convolutions

WIDTHS = (64, 128, 256, 512, 1024)
DROPOUT = 0.5


class Contracting(nn.Module):
    """The left side: two convolutions at each resolution, with max pooling between resolutions."""

    def __init__(self):
        super().__init__()
        self.steps = nn.ModuleList(
            convolutions(inputs, [width] * 2, norm=False) for inputs, width in zip((3, *WIDTHS), WIDTHS, strict=False)
        )
        for step in self.steps[-2:]:
            step.append(nn.Dropout(DROPOUT))

    def forward(self, x: Tensor) -> list[Tensor]:
        """Return features at strides 1, 2, 4, 8 and 16 of images Nx3xHxW."""
        features = []
        for step in self.steps:
            x = step(F.max_pool2d(x, 2, ceil_mode=True) if features else x)
            features.append(x)
        return features


class Step(nn.Module):
    """One step of the right side: up-convolution, concatenation with the left side, and two convolutions."""

    def __init__(self, width: int):
        super().__init__()
        self.upsample = Doubling(2 * width, width, bias=True)
        self.body = convolutions(2 * width, [width] * 2, norm=False)

    def forward(self, x: Tensor, left: Tensor) -> Tensor:
        return self.body(torch.cat((left, F.relu(self.upsample(x, left.shape[-2:]))), dim=1))


class Expanding(nn.Module):
    """The right side, back to the input's resolution."""

    def __init__(self):
        super().__init__()
        self.steps = nn.ModuleList(Step(width) for width in reversed(WIDTHS[:-1]))

    def forward(self, features: list[Tensor]) -> Tensor:
        *left, x = features
        for step, skip in zip(self.steps, reversed(left), strict=True):
            x = step(x, skip)
        return x


class Network(nn.Module):
    """Map images Nx3xHxW to scores Nx`classes`xHxW, for any H and W."""

    def __init__(self, classes: int):
        super().__init__()
        self.contracting, self.expanding = Contracting(), Expanding()
        self.classify = nn.Conv2d(WIDTHS[0], classes, 1)

    def forward(self, images: Tensor) -> Tensor:
        return self.classify(self.expanding(self.contracting(images)))
