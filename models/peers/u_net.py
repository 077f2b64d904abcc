"""U-Net (Ronneberger, Fischer, Brox; MICCAI 2015, arXiv 1505.04597): Figure 1.

Published: 23 convolutional layers, which by Figure 1 are 31.0 M parameters; the paper counts no operations.
Deviations: convolutions are padded and RGB is read, so that the scores have the image's size (Figure 1 turns 572x572
into 388x388 and crops what it concatenates). The dropout at the end of the contracting path has no probability in the
paper; here it is a half.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.upsampling import Doubling
from models.vgg import convolutions

WIDTHS = (64, 128, 256, 512, 1024)


class Contracting(nn.Module):
    """The left side: two convolutions at each resolution, max pooling between."""

    def __init__(self):
        super().__init__()
        self.steps = nn.ModuleList(
            convolutions(inputs, [width] * 2, norm=False) for inputs, width in zip((3, *WIDTHS), WIDTHS, strict=False)
        )
        self.dropout = nn.Dropout(0.5)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Features at strides 1, 2, 4, 8 and 16."""
        features = []
        for step in self.steps:
            x = step(F.max_pool2d(x, 2, ceil_mode=True) if features else x)
            features.append(x)
        return [*features[:-1], self.dropout(x)]


class Step(nn.Module):
    """One step of the right side: up-convolution, concatenation with the left side, two convolutions."""

    def __init__(self, width: int):
        super().__init__()
        self.upsample = Doubling(2 * width, width, bias=True)
        self.body = convolutions(2 * width, [width] * 2, norm=False)

    def forward(self, x: Tensor, left: Tensor) -> Tensor:
        return self.body(torch.cat((left, self.upsample(x, left.shape[-2:])), dim=1))


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
    """Images Nx3xHxW to scores Nx`classes`xHxW, any H and W."""

    def __init__(self, classes: int):
        super().__init__()
        self.contracting, self.expanding = Contracting(), Expanding()
        self.classify = nn.Conv2d(WIDTHS[0], classes, 1)

    def forward(self, images: Tensor) -> Tensor:
        return self.classify(self.expanding(self.contracting(images)))
