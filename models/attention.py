"""Attention over channels: the paper's, which holds what the ImageNet classifier knows, and controls for it.

Every kind is built from (channels, reading), weights its features by one number a channel, and gives these numbers
before `scale` as `gates(features)`, so that training can be checked for gates that do nothing (pipeline/health.py).
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from models.reading import FIRST, Gate

IMAGENET_CLASSES = 1000
"""Outputs of the FC layer, whatever set it was pretrained on: complexity must not depend on the pretraining data."""

REDUCTION = 16
"""Channels to one hidden unit of squeeze-and-excitation (Hu et al. 2018, Section 6.1)."""


class FCAttention(nn.Module):
    """Section 3.2: global average pool, the classifier's FC layer to 1000, 1x1 convolution back, product by channel.

    The paper keeps the FC layer from pretraining. It does not say what stands between the convolution and the product:
    `reading` does.
    """

    pretrained = True

    def __init__(self, channels: int, reading: Gate = FIRST.gate):
        super().__init__()
        self.fc = nn.Linear(channels, IMAGENET_CLASSES)
        self.before = nn.LayerNorm(IMAGENET_CLASSES) if reading.norm == "layer" else nn.Identity()
        self.back = nn.Conv2d(IMAGENET_CLASSES, channels, 1, bias=reading.norm != "batch")
        self.norm = nn.BatchNorm2d(channels) if reading.norm == "batch" else nn.Identity()
        self.gate = nn.Sigmoid() if reading.sigmoid else OnePlus()
        self.scale = reading.scale

    def classify(self, features: Tensor) -> Tensor:
        """Class scores, Nx1000, of features NxCxHxW: pretraining's output."""
        return self.fc(features.mean(dim=(2, 3)))

    def gates(self, features: Tensor) -> Tensor:
        """The gate of each channel, NxCx1x1, of features NxCxHxW."""
        known = self.before(self.classify(features))
        return self.gate(self.norm(self.back(known[:, :, None, None])))

    def forward(self, features: Tensor) -> Tensor:
        """Reweighted features, the same shape as `features` (NxCxHxW)."""
        return features * (self.scale * self.gates(features))


class ScratchAttention(FCAttention):
    """A control: the same module, whose FC layer was never pretrained."""

    pretrained = False


class SqueezeExcitation(nn.Module):
    """A control: a gate of the same place that never saw ImageNet's classes (Hu et al. 2018, Figure 3)."""

    pretrained = False

    def __init__(self, channels: int, reading: Gate = FIRST.gate):
        super().__init__()
        self.squeeze = nn.Linear(channels, channels // REDUCTION)
        self.back = nn.Linear(channels // REDUCTION, channels)

    def gates(self, features: Tensor) -> Tensor:
        """The gate of each channel, NxCx1x1, of features NxCxHxW."""
        squeezed = torch.relu(self.squeeze(features.mean(dim=(2, 3))))
        return torch.sigmoid(self.back(squeezed))[:, :, None, None]

    def forward(self, features: Tensor) -> Tensor:
        """Reweighted features, the same shape as `features` (NxCxHxW)."""
        return features * self.gates(features)


class OnePlus(nn.Module):
    """1 + x: a gate without a sigmoid that passes its features where x is 0."""

    def forward(self, x: Tensor) -> Tensor:
        return 1 + x


ATTENTIONS: dict[str, Callable[..., nn.Module]] = {
    "fc": FCAttention,
    "fc-scratch": ScratchAttention,
    "se": SqueezeExcitation,
    "none": lambda channels, reading: nn.Identity(),
}
