"""MobileNetV2: Inverted Residuals and Linear Bottlenecks. Sandler, Howard, Zhu, Zhmoginov, Chen, CVPR 2018.

ReLU for the paper's ReLU6, whose bound serves fixed-point arithmetic.
"""

from torch import Tensor, nn

from models.layers import ConvNorm

TABLE2 = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
"""Expansion, channels, blocks and stride of each row of Table 2."""


class InvertedResidual(nn.Module):
    """Table 1: 1x1 to `expansion` times the channels, depthwise 3x3, linear 1x1; plus the input where it fits."""

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
    inputs: int, outputs: int, count: int, stride: int, expansion: int = 6, dilation: int = 1
) -> nn.Sequential:
    """A row of Table 2: `count` blocks, the first of which has the stride."""
    first = InvertedResidual(inputs, outputs, expansion, stride, dilation)
    return nn.Sequential(first, *(InvertedResidual(outputs, outputs, expansion, 1, dilation) for _ in range(count - 1)))


class MobileNetV2(nn.Module):
    """Table 2 up to its 320 channels, at output stride 16: the stage of 160 dilates in place of halving (Section 6.3).

    `widths` are the channels of what `forward` returns.
    """

    widths = (24, 320)

    def __init__(self):
        super().__init__()
        self.stem = ConvNorm(3, 32, 3, stride=2)
        rows, inputs, total, dilation = [], 32, 2, 1
        for expansion, outputs, count, stride in TABLE2:
            if total * stride > 16:
                stride, dilation = 1, 2 * dilation
            total *= stride
            rows.append(inverted_residuals(inputs, outputs, count, stride, expansion, dilation))
            inputs = outputs
        self.low, self.high = nn.Sequential(*rows[:2]), nn.Sequential(*rows[2:])

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Features at stride 4 and at stride 16."""
        low = self.low(self.stem(images))
        return low, self.high(low)
