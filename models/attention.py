"""FC attention: what the ImageNet classifier knows, as weights for the channels (Section 3.2)."""

import torch
from torch import Tensor, nn

IMAGENET_CLASSES = 1000
"""Outputs of the FC layer, whatever set it was pretrained on: complexity must not depend on the pretraining data."""


class FCAttention(nn.Module):
    """Global average pool, the classifier's FC layer to 1000, a 1x1 convolution back, and a channel-wise product.

    The paper keeps the FC layer from pretraining. It does not say what gates the product; here a sigmoid does,
    so that an untrained gate cannot change a feature's sign.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.fc = nn.Linear(channels, IMAGENET_CLASSES)
        self.back = nn.Conv2d(IMAGENET_CLASSES, channels, 1)

    def classify(self, features: Tensor) -> Tensor:
        """Class scores, Nx1000, of features NxCxHxW: pretraining's output."""
        return self.fc(features.mean(dim=(2, 3)))

    def forward(self, features: Tensor) -> Tensor:
        """Reweighted features, the same shape as `features` (NxCxHxW)."""
        weights = self.back(self.classify(features)[:, :, None, None])
        return features * torch.sigmoid(weights)
