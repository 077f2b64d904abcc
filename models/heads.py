"""Output modules of the peers: pooled context, classifiers, and auxiliary outputs for training."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.layers import ConvNorm, resize

BINS = (1, 2, 3, 6)
"""Numbers of rows and columns to which a feature map is averaged (PSPNet, Section 3.2)."""


def pyramid(features: Tensor) -> list[Tensor]:
    """Average `features` to each size in `BINS`."""
    return [F.adaptive_avg_pool2d(features, bins) for bins in BINS]


class PyramidPooling(nn.Module):
    """Pyramid pooling module of PSPNet: the input and its averages, each after a 1x1 convolution, concatenated.

    Each average gets a quarter of the input's channels, so the output has twice as many as the input (`width`).
    """

    def __init__(self, inputs: int):
        super().__init__()
        self.width = inputs + len(BINS) * (inputs // len(BINS))
        self.reduce = nn.ModuleList(ConvNorm(inputs, inputs // len(BINS)) for _ in BINS)

    def forward(self, features: Tensor) -> Tensor:
        """Map NxCxHxW to Nx`width`xHxW."""
        size = features.shape[-2:]
        pooled = [reduce(x) for reduce, x in zip(self.reduce, pyramid(features), strict=True)]
        return torch.cat([features, *(resize(x, size) for x in pooled)], dim=1)


class Scores(nn.Module):
    """A 1x1 convolution that computes class scores. Initialisation recognises such layers by the name `classify`."""

    def __init__(self, inputs: int, classes: int):
        super().__init__()
        self.classify = nn.Conv2d(inputs, classes, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Map NxCxHxW to Nx`classes`xHxW."""
        return self.classify(features)


class Head(nn.Sequential):
    """A 3x3 convolution to `width` channels, dropout if it is above 0, and a 1x1 classifier."""

    def __init__(self, inputs: int, width: int, classes: int, dropout: float = 0.0):
        dropped = [nn.Dropout(dropout)] if dropout else []
        super().__init__(ConvNorm(inputs, width, 3), *dropped, Scores(width, classes))


class WithAuxiliary(nn.Module):
    """A network with auxiliary outputs for training: the `auxiliary` heads and their weights in the loss.

    The heads do not run at test time, so they cost nothing there.
    """

    auxiliary: nn.ModuleList
    auxiliary_weights: tuple[float, ...]

    def features(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return the main scores at any resolution and the input of each auxiliary head, for images Nx3xHxW."""
        raise NotImplementedError

    def forward(self, images: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Return class scores Nx`classes`xHxW; in training mode a tuple of them, the main scores first."""
        size = images.shape[-2:]
        main, *inputs = self.features(images)
        if not self.training:
            return resize(main, size)
        scores = [main, *(head(x) for head, x in zip(self.auxiliary, inputs, strict=True))]
        return tuple(resize(x, size) for x in scores)


def deployed_parameters(model: nn.Module) -> int:
    """Return the number of parameters that papers report: all that are used at test time, without auxiliary heads."""
    return sum(value.numel() for name, value in model.named_parameters() if not name.startswith("auxiliary."))
