"""Attention over channels: the paper's, which holds what the ImageNet classifier knows, and controls for it.

Every kind is built from (channels, options), weights its features by one number a channel, and gives these numbers
before `scale` as `gates(features)`, so that pipeline/training/health.py can find gates that do nothing.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from models.interpretation import FIRST, Gate

IMAGENET_CLASSES = 1000
"""Outputs of the FC layer, whatever set it was pretrained on: complexity must not depend on the pretraining data."""

REDUCTION = 16
"""Channels to one hidden unit of squeeze-and-excitation (Hu et al. 2018, Section 6.1)."""


class ChannelAttention(nn.Module):
    """A weight for each channel from the whole image, a gate of it, and the channel-wise product with the features.

    `options` says what stands between weight and product, `pretrained` whether ImageNet's classifier may be
    loaded into it.
    """

    pretrained = False

    def __init__(self, channels: int, options: Gate = FIRST.gate):
        super().__init__()
        self.norm = nn.BatchNorm2d(channels) if options.norm == "batch" else nn.Identity()
        self.gate = nn.Sigmoid() if options.sigmoid else OnePlus()
        self.scale = options.scale

    def weigh(self, features: Tensor) -> Tensor:
        """What the gate of each channel is made of, NxCx1x1, of features NxCxHxW."""
        raise NotImplementedError

    def gates(self, features: Tensor) -> Tensor:
        """The gate of each channel, NxCx1x1, of features NxCxHxW."""
        return self.gate(self.norm(self.weigh(features)))

    def forward(self, features: Tensor) -> Tensor:
        """Reweighted features, the same shape as `features` (NxCxHxW)."""
        return features * (self.scale * self.gates(features))


class FCAttention(ChannelAttention):
    """Section 3.2: global average pool, the classifier's FC layer to 1000, and a 1x1 convolution back.

    The paper keeps the FC layer from pretraining. It does not say what stands before the product.
    """

    pretrained = True

    def __init__(self, channels: int, options: Gate = FIRST.gate):
        super().__init__(channels, options)
        self.fc = nn.Linear(channels, IMAGENET_CLASSES)
        self.before = nn.LayerNorm(IMAGENET_CLASSES) if options.norm == "layer" else nn.Identity()
        self.back = nn.Conv2d(IMAGENET_CLASSES, channels, 1, bias=options.norm != "batch")

    def classify(self, features: Tensor) -> Tensor:
        """Class scores, Nx1000, of features NxCxHxW: pretraining's output."""
        return self.fc(features.mean(dim=(2, 3)))

    def weigh(self, features: Tensor) -> Tensor:
        known = self.before(self.classify(features))
        return self.back(known[:, :, None, None])


class ScratchAttention(FCAttention):
    """A control: the same module, whose FC layer was never pretrained."""

    pretrained = False


class SqueezeExcitation(ChannelAttention):
    """A control: the same gate, of what never saw ImageNet's classes (Hu et al. 2018, Figure 3)."""

    def __init__(self, channels: int, options: Gate = FIRST.gate):
        super().__init__(channels, options)
        self.squeeze = nn.Linear(channels, channels // REDUCTION)
        self.back = nn.Linear(channels // REDUCTION, channels, bias=options.norm != "batch")

    def weigh(self, features: Tensor) -> Tensor:
        squeezed = torch.relu(self.squeeze(features.mean(dim=(2, 3))))
        return self.back(squeezed)[:, :, None, None]


class OnePlus(nn.Module):
    """1 + x: a gate without a sigmoid that passes its features where x is 0."""

    def forward(self, x: Tensor) -> Tensor:
        return 1 + x


ATTENTIONS: dict[str, Callable[..., nn.Module]] = {
    "fc": FCAttention,
    "fc-scratch": ScratchAttention,
    "se": SqueezeExcitation,
    "none": lambda channels, options: nn.Identity(),
}
