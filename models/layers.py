"""The convolutions every network here is made of, and resizing by target size."""

from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ConvNorm(nn.Sequential):
    """Convolution without bias, batch norm and, unless `activation` is False, ReLU. Keeps ceil(size / stride)."""

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

    The paper does not say whether the depthwise half has a norm of its own (`depthwise_norm`); in Xception (Chollet
    2017) it has none.
    """

    def __init__(
        self, inputs: int, outputs: int, stride: int = 1, activation: bool = True, depthwise_norm: bool = False
    ):
        depthwise = nn.Conv2d(inputs, inputs, 3, stride, padding=1, groups=inputs, bias=False)
        pointwise = ConvNorm(inputs, outputs, activation=activation)
        # By name, so that the two convolutions start from the same weights with and without the norm between them.
        norm = {"norm": nn.BatchNorm2d(inputs)} if depthwise_norm else {}
        super().__init__(OrderedDict({"0": depthwise, **norm, "1": pointwise}))


def norm_eps(model: nn.Module, eps: float) -> None:
    """Give every batch norm of `model` the constant under the root that its authors' framework has; torch's is 1e-5."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = eps


def resize(features: Tensor, size: torch.Size | tuple[int, int]) -> Tensor:
    """Bilinear resize to `size` (rows, columns).

    The figures give factors (x4, x8), but with factors sizes only meet again where the input divides by 64.
    """
    if features.shape[-2:] == tuple(size):
        return features
    return F.interpolate(features, size, mode="bilinear", align_corners=False)
