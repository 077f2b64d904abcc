"""What ends the networks of other papers: pooled context, classifiers, and outputs that only training sees."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.layers import ConvNorm, resize

BINS = (1, 2, 3, 6)
"""Rows and columns that a feature map is averaged to (PSPNet, Section 3.2)."""


def pyramid(features: Tensor) -> list[Tensor]:
    """`features` averaged to each of `BINS`."""
    return [F.adaptive_avg_pool2d(features, bins) for bins in BINS]


class PyramidPooling(nn.Module):
    """PSPNet's pyramid pooling module: the input and its averages, each through a 1x1 convolution, concatenated.

    Every average gets a quarter of the input's channels, so that the output (`width`) has twice as many.
    """

    def __init__(self, inputs: int):
        super().__init__()
        self.width = inputs + len(BINS) * (inputs // len(BINS))
        self.reduce = nn.ModuleList(ConvNorm(inputs, inputs // len(BINS)) for _ in BINS)

    def forward(self, features: Tensor) -> Tensor:
        """NxCxHxW to Nx`width`xHxW."""
        size = features.shape[-2:]
        pooled = [reduce(x) for reduce, x in zip(self.reduce, pyramid(features), strict=True)]
        return torch.cat([features, *(resize(x, size) for x in pooled)], dim=1)


class Scores(nn.Module):
    """Class scores of features: a 1x1 convolution, by the name that the start of such layers is found by."""

    def __init__(self, inputs: int, classes: int):
        super().__init__()
        self.classify = nn.Conv2d(inputs, classes, 1)

    def forward(self, features: Tensor) -> Tensor:
        """NxCxHxW to Nx`classes`xHxW."""
        return self.classify(features)


class Head(nn.Sequential):
    """Class scores: a 3x3 convolution to `width` channels, dropout where there is any, and a 1x1 classifier."""

    def __init__(self, inputs: int, width: int, classes: int, dropout: float = 0.0):
        dropped = [nn.Dropout(dropout)] if dropout else []
        super().__init__(ConvNorm(inputs, width, 3), *dropped, Scores(width, classes))


class WithAuxiliary(nn.Module):
    """A network with outputs that only training sees: `auxiliary` heads, and their weights in the loss.

    At test time the heads are not run, so they cost nothing.
    """

    auxiliary: nn.ModuleList
    auxiliary_weights: tuple[float, ...]

    def features(self, images: Tensor) -> tuple[Tensor, ...]:
        """The main scores at any resolution, and the input of each auxiliary head, of images Nx3xHxW."""
        raise NotImplementedError

    def forward(self, images: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Class scores Nx`classes`xHxW; in training mode a tuple, the main ones first."""
        size = images.shape[-2:]
        main, *inputs = self.features(images)
        if not self.training:
            return resize(main, size)
        scores = [main, *(head(x) for head, x in zip(self.auxiliary, inputs, strict=True))]
        return tuple(resize(x, size) for x in scores)


def deployed_parameters(model: nn.Module) -> int:
    """The parameters that a network uses at test time, which is what papers count: all but auxiliary heads'."""
    return sum(value.numel() for name, value in model.named_parameters() if not name.startswith("auxiliary."))
