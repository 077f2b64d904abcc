"""The 13 convolutions of VGG-16 (Simonyan and Zisserman, ICLR 2015, configuration D) in their five stages."""

from torch import nn

from models.layers import ConvNorm

WIDTHS = (64, 128, 256, 512, 512)
DEPTHS = (2, 2, 3, 3, 3)
"""Convolutions per stage. The caller adds the 2x2 max pooling after each stage: SegNet needs its indices."""


def convolutions(inputs: int, outputs: list[int], norm: bool) -> nn.Sequential:
    """3x3 convolutions to the widths `outputs`, each with ReLU, and with batch norm instead of a bias if `norm`."""
    layers = []
    for width in outputs:
        layers += (
            [ConvNorm(inputs, width, 3)] if norm else [nn.Conv2d(inputs, width, 3, padding=1), nn.ReLU(inplace=True)]
        )
        inputs = width
    return nn.Sequential(*layers)


def stages(norm: bool) -> nn.ModuleList:
    """The five stages of VGG-16, from RGB to 512 channels, without pooling and fully connected layers."""
    inputs = (3, *WIDTHS)
    return nn.ModuleList(
        convolutions(i, [width] * depth, norm) for i, width, depth in zip(inputs, WIDTHS, DEPTHS, strict=False)
    )
