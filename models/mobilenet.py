"""MobileNetV2: Inverted Residuals and Linear Bottlenecks. Sandler, Howard, Zhu, Zhmoginov, Chen, CVPR 2018.

Output stride 16, rates, low-level features and eps follow the authors' code (tensorflow/models: slim/nets/mobilenet and
deeplab/core/feature_extractor.py). ReLU replaces the paper's ReLU6, whose bound serves fixed-point arithmetic.
"""

from torch import Tensor, nn

from models.layers import ConvNorm, norm_eps

TABLE2 = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
"""Expansion, channels, number of blocks and stride of each row of Table 2."""


class InvertedResidual(nn.Module):
    """Table 1: 1x1 to `expansion` times the channels, depthwise 3x3, linear 1x1; adds the input if shapes agree."""

    def __init__(self, inputs: int, outputs: int, expansion: int, stride: int = 1, dilation: int = 1):
        super().__init__()
        inner = expansion * inputs
        self.body = nn.Sequential(
            *([ConvNorm(inputs, inner)] if expansion > 1 else []),
            ConvNorm(inner, inner, 3, stride, dilation=dilation, groups=inner),
            ConvNorm(inner, outputs, activation=False),
        )
        self.sums = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x) if self.sums else self.body(x)


def inverted_residuals(
    inputs: int, outputs: int, count: int, stride: int, expansion: int = 6, before: int = 1, dilation: int = 1
) -> nn.Sequential:
    """One row of Table 2: `count` blocks, the first of which has the stride.

    `before` is the dilation of the first block, whose input still has the resolution of the previous row.
    """
    first = InvertedResidual(inputs, outputs, expansion, stride, before)
    return nn.Sequential(first, *(InvertedResidual(outputs, outputs, expansion, 1, dilation) for _ in range(count - 1)))


class MobileNetV2(nn.Module):
    """Table 2 up to the 320 channels, at output stride 16: the stage of 160 dilates instead of halving (Section 6.3).

    `widths` are the channels of what `forward` returns. The low-level features are the expanded features of the last
    block at stride 4, after its depthwise convolution.
    """

    widths = (144, 320)

    def __init__(self):
        super().__init__()
        self.stem = ConvNorm(3, 32, 3, stride=2)
        rows, inputs, total, dilation = [], 32, 2, 1
        for expansion, outputs, count, stride in TABLE2:
            before = dilation
            if total * stride > 16:
                stride, dilation = 1, 2 * dilation
            total *= stride
            rows += inverted_residuals(inputs, outputs, count, stride, expansion, before, dilation)
            inputs = outputs
        self.low, self.last_low, self.high = nn.Sequential(*rows[:2]), rows[2], nn.Sequential(*rows[3:])
        norm_eps(self, 1e-3)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return features at strides 4 and 16 of images Nx3xHxW."""
        x = self.low(self.stem(images))
        low = self.last_low.body[:2](x)
        return low, self.high(x + self.last_low.body[2](low))
