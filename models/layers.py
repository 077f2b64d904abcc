"""Convolution blocks that all networks share, and resizing to a target size."""

from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ConvNorm(nn.Sequential):
    """Convolution without bias, batch norm and, if `activation`, ReLU. Each side becomes ceil(side / stride)."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int = 1,
        stride: int = 1,
        activation: bool = True,
        dilation: int = 1,
        groups: int = 1,
    ):
        padding = dilation * (kernel // 2)
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation, groups, bias=False),
            nn.BatchNorm2d(outputs),
            *([nn.ReLU(inplace=True)] if activation else []),
        )


class SeparableConv(nn.Sequential):
    """Depthwise 3x3, pointwise 1x1, batch norm and, unless `activation` is False, ReLU (Section 3.2).

    The paper does not say whether the depthwise convolution has its own batch norm (`depthwise_norm`). Xception has
    none (Chollet 2017).
    """

    def __init__(
        self, inputs: int, outputs: int, stride: int = 1, activation: bool = True, depthwise_norm: bool = False
    ):
        depthwise = nn.Conv2d(inputs, inputs, 3, stride, padding=1, groups=inputs, bias=False)
        pointwise = ConvNorm(inputs, outputs, activation=activation)
        # Named, so that both convolutions start from the same weights with and without the norm between them.
        norm = {"norm": nn.BatchNorm2d(inputs)} if depthwise_norm else {}
        super().__init__(OrderedDict({"0": depthwise, **norm, "1": pointwise}))


def norm_eps(model: nn.Module, eps: float) -> None:
    """Set `eps` of every batch norm in `model` to the value of the authors' framework; torch's default is 1e-5."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = eps


def resize(features: Tensor, size: torch.Size | tuple[int, int]) -> Tensor:
    """Resize features NxCxHxW bilinearly to `size` (rows, columns).

    The figures give factors (x4, x8). Factors only restore the size of an earlier stage if 64 divides the input.
    """
    if features.shape[-2:] == tuple(size):
        return features
    return F.interpolate(features, size, mode="bilinear", align_corners=False)
