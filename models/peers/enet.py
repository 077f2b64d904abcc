"""ENet (Paszke, Chaurasia, Kim, Culurciello; arXiv 1606.02147, 2016): Table 1, Figure 2.

Published (Table 3): 0.37 M parameters and 3.83 GFLOPs at 640x360. The network here has 0.363 M and 1.69 GMACs with 11
classes, so the paper counts two FLOPs per MAC. Its FLOPs are exactly 3.83 G if the asymmetric convolutions count as
full 5x5. The encoder's own classifier, which the paper uses for pretraining, would add 0.002 M.

From the authors' code (e-lab/ENet-training, train/models): PReLU in the encoder and ReLU in the decoder, a last
transposed convolution of 2x2, spatial dropout in the encoder only, and eps. Deviations: convolutions before batch norm
have no bias; an image whose sides 8 does not divide is padded with zeros, and its scores are cropped.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.layers import norm_eps
from models.upsampling import Doubling, pool, unpool

STRIDE = 8
"""Stride of the encoder. Images are padded so that it divides both sides."""

EARLY_DROPOUT, DROPOUT = 0.01, 0.1
"""Dropout of whole channels before bottleneck 2.0, and from it on (Section 3)."""

Activation = Callable[[int], nn.Module]


def relu(width: int) -> nn.Module:
    """Activation of the decoder. The encoder uses `nn.PReLU`, with one slope per channel."""
    return nn.ReLU(inplace=True)


def reduce(inputs: int, outputs: int, activation: Activation, kernel: int = 1) -> nn.Sequential:
    """The projection at the start of a bottleneck. With kernel size 2 it also halves the resolution."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride=kernel, bias=False), nn.BatchNorm2d(outputs), activation(outputs)
    )


def expand(inputs: int, outputs: int) -> nn.Sequential:
    """The 1x1 convolution at the end of a bottleneck, and in the main branch of an upsampling one."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs))


def dilated(width: int, rate: int = 1) -> nn.Module:
    return nn.Conv2d(width, width, 3, padding=rate, dilation=rate, bias=False)


def asymmetric(width: int) -> nn.Module:
    """A 5x5 convolution as one over five columns and one over five rows; the paper lists them in reverse."""
    return nn.Sequential(
        nn.Conv2d(width, width, (1, 5), padding=(0, 2), bias=False),
        nn.Conv2d(width, width, (5, 1), padding=(2, 0), bias=False),
    )


class Initial(nn.Module):
    """Figure 2 (a): 13 channels of a strided convolution, concatenated with the max-pooled image."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 13, 3, stride=2, padding=1, bias=False)
        self.norm = nn.Sequential(nn.BatchNorm2d(16), nn.PReLU(16))

    def forward(self, images: Tensor) -> Tensor:
        return self.norm(torch.cat((self.conv(images), F.max_pool2d(images, 2)), dim=1))


class Bottleneck(nn.Module):
    """Figure 2 (b): projection to a quarter of the width, `middle`, expansion, and the sum with the input."""

    def __init__(self, width: int, middle: nn.Module, dropout: float = 0.0, activation: Activation = nn.PReLU):
        super().__init__()
        inner = width // 4
        self.body = nn.Sequential(
            reduce(width, inner, activation),
            middle,
            nn.BatchNorm2d(inner),
            activation(inner),
            expand(inner, width),
            nn.Dropout2d(dropout),
        )
        self.activate = activation(width)

    def forward(self, x: Tensor) -> Tensor:
        return self.activate(x + self.body(x))


class Down(nn.Module):
    """A bottleneck that halves the resolution. Its main branch is max-pooled and padded with zero channels."""

    def __init__(self, inputs: int, outputs: int, dropout: float):
        super().__init__()
        inner = outputs // 4
        self.body = nn.Sequential(
            reduce(inputs, inner, nn.PReLU, kernel=2),
            dilated(inner),
            nn.BatchNorm2d(inner),
            nn.PReLU(inner),
            expand(inner, outputs),
            nn.Dropout2d(dropout),
        )
        self.activate = nn.PReLU(outputs)
        self.extra = outputs - inputs

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the features and the pooling indices of the main branch."""
        main, indices = pool(x)
        return self.activate(F.pad(main, (0, 0, 0, 0, 0, self.extra)) + self.body(x)), indices


class Up(nn.Module):
    """A bottleneck that doubles the resolution. Its main branch is projected and unpooled with a `Down`'s indices."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        inner = outputs // 4
        self.reduce = reduce(inputs, inner, relu)
        self.upsample = Doubling(inner, inner, kernel=3)
        self.expand = nn.Sequential(nn.BatchNorm2d(inner), relu(inner), expand(inner, outputs))
        self.main = expand(inputs, outputs)

    def forward(self, x: Tensor, indices: Tensor) -> Tensor:
        size = tuple(2 * side for side in x.shape[-2:])
        return torch.relu(unpool(self.main(x), indices, size) + self.expand(self.upsample(self.reduce(x), size)))


def context() -> list[Bottleneck]:
    """Bottlenecks 2.1 to 2.8, which are repeated as 3.1 to 3.8: regular, dilated and asymmetric in turn."""
    middles = (
        dilated(32), dilated(32, 2), asymmetric(32), dilated(32, 4),
        dilated(32), dilated(32, 8), asymmetric(32), dilated(32, 16),
    )  # fmt: skip
    return [Bottleneck(128, middle, DROPOUT) for middle in middles]


class Network(nn.Module):
    """Map images Nx3xHxW to scores Nx`classes`xHxW, for any H and W."""

    def __init__(self, classes: int):
        super().__init__()
        self.initial = Initial()
        self.down1 = Down(16, 64, EARLY_DROPOUT)
        self.stage1 = nn.Sequential(*(Bottleneck(64, dilated(16), EARLY_DROPOUT) for _ in range(4)))
        self.down2 = Down(64, 128, DROPOUT)
        self.stage2 = nn.Sequential(*context())
        self.stage3 = nn.Sequential(*context())
        self.up4 = Up(128, 64)
        self.stage4 = nn.Sequential(*(Bottleneck(64, dilated(16), activation=relu) for _ in range(2)))
        self.up5 = Up(64, 16)
        self.stage5 = Bottleneck(16, dilated(4), activation=relu)
        self.classify = Doubling(16, classes, bias=True)
        norm_eps(self, 1e-3)

    def forward(self, images: Tensor) -> Tensor:
        rows, columns = images.shape[-2:]
        x = self.initial(F.pad(images, (0, -columns % STRIDE, 0, -rows % STRIDE)))
        x, first = self.down1(x)
        x, second = self.down2(self.stage1(x))
        x = self.stage3(self.stage2(x))
        x = self.stage4(self.up4(x, second))
        x = self.stage5(self.up5(x, first))
        return self.classify(x, (rows, columns))
