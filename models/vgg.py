"""The 13 convolutions of VGG-16 (Simonyan and Zisserman, ICLR 2015, configuration D), in their five stages."""

from torch import nn

from models.layers import ConvNorm

WIDTHS = (64, 128, 256, 512, 512)
DEPTHS = (2, 2, 3, 3, 3)
"""Convolutions a stage; each stage ends in a 2x2 max pooling, which is left to the user: SegNet needs its indices."""


def convolutions(inputs: int, outputs: list[int], norm: bool) -> nn.Sequential:
    """3x3 convolutions of the given widths, each with ReLU; with batch norm instead of biases if `norm`."""
    layers = []
    for width in outputs:
        layers += (
            [ConvNorm(inputs, width, 3)] if norm else [nn.Conv2d(inputs, width, 3, padding=1), nn.ReLU(inplace=True)]
        )
        inputs = width
    return nn.Sequential(*layers)


def stages(norm: bool) -> nn.ModuleList:
    """VGG-16's stages, from RGB to 512 channels, without pooling and without its fully connected layers."""
    inputs = (3, *WIDTHS)
    return nn.ModuleList(
        convolutions(i, [width] * depth, norm) for i, width, depth in zip(inputs, WIDTHS, DEPTHS, strict=False)
    )
