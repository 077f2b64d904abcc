"""ESPNet's encoder and its efficient spatial pyramids (Mehta et al., ECCV 2018): Figures 1, 3 and 4 (a) to (c)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

RATES = (1, 2, 4, 8, 16)
EPS = 1e-3
"""`eps` of every batch norm, as in the authors' code (sacmehta/ESPNet, train/Model.py)."""


def normalised(width: int) -> nn.Sequential:
    """Batch norm, and PReLU with one slope per channel. Every concatenation of features is followed by its own."""
    return nn.Sequential(nn.BatchNorm2d(width, EPS), nn.PReLU(width))


class ESP(nn.Module):
    """Reduce, apply five dilated 3x3 convolutions in parallel, merge (Figure 1), with hierarchical fusion (Figure 3).

    Each branch from the third on is added to the sum of those before it (the first is left out), which removes the
    gridding artefacts of dilation. Each branch has a fifth of `outputs`, which must be at least 5; the first branch
    also takes the remainder. With `stride` 2 the reduction is a strided 3x3 convolution. `residual` adds the input.
    """

    def __init__(self, inputs: int, outputs: int, stride: int = 1, residual: bool = True):
        super().__init__()
        width = outputs // len(RATES)
        kernel = 3 if stride > 1 else 1
        self.reduce = nn.Conv2d(inputs, width, kernel, stride, padding=kernel // 2, bias=False)
        widths = (outputs - (len(RATES) - 1) * width, *[width] * (len(RATES) - 1))
        self.branches = nn.ModuleList(
            nn.Conv2d(width, branch, 3, padding=rate, dilation=rate, bias=False)
            for branch, rate in zip(widths, RATES, strict=True)
        )
        self.norm = normalised(outputs)
        self.residual = residual

    def forward(self, x: Tensor) -> Tensor:
        reduced = self.reduce(x)
        first, *rest = (branch(reduced) for branch in self.branches)
        fused = [rest[0]]
        for branch in rest[1:]:
            fused.append(fused[-1] + branch)
        merged = torch.cat((first, *fused), dim=1)
        return self.norm(x + merged if self.residual else merged)


class Level(nn.Module):
    """One strided ESP and `depth` further ones. Their output, their input and the image, if given, are concatenated."""

    def __init__(self, inputs: int, outputs: int, depth: int, image: int):
        super().__init__()
        self.down = ESP(inputs, outputs, stride=2, residual=False)
        self.body = nn.Sequential(*(ESP(outputs, outputs) for _ in range(depth)))
        self.width = 2 * outputs + image
        self.norm = normalised(self.width)

    def forward(self, x: Tensor, *image: Tensor) -> Tensor:
        down = self.down(x)
        return self.norm(torch.cat((self.body(down), down, *image), dim=1))


class Encoder(nn.Module):
    """The network of Figure 4 (c) without its classifier. `widths` are the channels of what `forward` returns."""

    def __init__(self, depths: tuple[int, int] = (2, 8)):
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(3, 16, 3, stride=2, padding=1, bias=False), normalised(16))
        self.norm = normalised(16 + 3)
        self.level2 = Level(16 + 3, 64, depths[0], image=3)
        self.level3 = Level(self.level2.width, 128, depths[1], image=0)
        self.widths = (16 + 3, self.level2.width, self.level3.width)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return features at strides 2, 4 and 8 of images Nx3xHxW. The downsampled image is fed in again at 2 and 4."""
        half = F.avg_pool2d(images, 3, stride=2, padding=1)
        quarter = F.avg_pool2d(half, 3, stride=2, padding=1)
        first = self.norm(torch.cat((self.conv(images), half), dim=1))
        second = self.level2(first, quarter)
        return first, second, self.level3(second)
