"""U-Net (Ronneberger, Fischer, Brox; MICCAI 2015, arXiv 1505.04597): Figure 1.

Published: 23 convolutional layers, which by Figure 1 are 31.0 M parameters; the paper counts no operations.
Deviations: convolutions are padded and RGB is read, so that the scores have the image's size (Figure 1 turns 572x572
into 388x388 and crops what it concatenates).
From the authors' release (phseg_v5.prototxt): dropout with a half after the two deepest steps of the contracting path,
where the paper says only "at the end", and a ReLU after each up-convolution, of which it says nothing. Its last
up-convolution keeps 128 channels; the paper's and ours halve them to 64. Weights start as the paper has it, normal with
a variance of 2 over the incoming nodes, but for the scores.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.upsampling import Doubling
from models.vgg import convolutions

WIDTHS = (64, 128, 256, 512, 1024)
DROPOUT = 0.5


class Contracting(nn.Module):
    """The left side: two convolutions at each resolution, max pooling between."""

    def __init__(self):
        super().__init__()
        self.steps = nn.ModuleList(
            convolutions(inputs, [width] * 2, norm=False) for inputs, width in zip((3, *WIDTHS), WIDTHS, strict=False)
        )
        for step in self.steps[-2:]:
            step.append(nn.Dropout(DROPOUT))

    def forward(self, x: Tensor) -> list[Tensor]:
        """Features at strides 1, 2, 4, 8 and 16."""
        features = []
        for step in self.steps:
            x = step(F.max_pool2d(x, 2, ceil_mode=True) if features else x)
            features.append(x)
        return features


class Step(nn.Module):
    """One step of the right side: up-convolution, concatenation with the left side, two convolutions."""

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
    """Images Nx3xHxW to scores Nx`classes`xHxW, any H and W."""

    def __init__(self, classes: int):
        super().__init__()
        self.contracting, self.expanding = Contracting(), Expanding()
        self.classify = nn.Conv2d(WIDTHS[0], classes, 1)

    def forward(self, images: Tensor) -> Tensor:
        return self.classify(self.expanding(self.contracting(images)))
