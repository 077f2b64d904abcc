"""DeepLabv3+ (Chen et al., ECCV 2018) with the paper's Xception-65, at output stride 16.

Published in the authors' model zoo: 54.17 GMACs at 513x513 (21 classes), 418.64 GMACs at 1025x2049 (19 classes). The
"DeepLab" of DFANet's Table 5 (457.8 G, 262.1 M at 512x1024, 63.1 mIoU) is a far older network.

The positions of ReLU, the features that the decoder reads, and eps follow the authors' code (tensorflow/models:
deeplab/core/xception.py and feature_extractor.py). Section 3.2 of the paper has a ReLU after each depthwise
convolution; in the code only the last three of the exit flow have one.
"""

from torch import Tensor, nn

from models.deeplab import AtrousSeparable, DeepLab
from models.layers import ConvNorm, norm_eps

MIDDLE = 16
"""Number of blocks in the middle flow (Figure 4)."""


class Block(nn.Module):
    """Three separable convolutions, each after a ReLU, and the sum with the input or its 1x1 projection (Figure 4).

    The sum has no activation: the first ReLU of the next block applies to the body of that block only.
    """

    def __init__(self, inputs: int, widths: tuple[int, int, int], stride: int = 1):
        super().__init__()
        first, second, last = widths
        self.body = nn.Sequential(
            nn.ReLU(),
            AtrousSeparable(inputs, first, activation=False),
            nn.ReLU(),
            AtrousSeparable(first, second, activation=False),
            nn.ReLU(),
            AtrousSeparable(second, last, stride, activation=False),
        )
        self.stride = stride
        self.shortcut = nn.Identity() if inputs == last else ConvNorm(inputs, last, activation=False)

    def forward(self, x: Tensor) -> Tensor:
        # A strided 1x1 convolution reads every `stride`th pixel; see `Strided1x1` in models/xception.py.
        return self.body(x) + self.shortcut(x[:, :, :: self.stride, :: self.stride])


class Xception65(nn.Module):
    """Figure 4, where the exit flow dilates instead of striding. `widths` are the channels of what `forward` returns.

    The decoder reads the features of the second block before its stride and before their ReLU.
    """

    widths = (256, 2048)

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(ConvNorm(3, 32, 3, stride=2), ConvNorm(32, 64, 3))
        self.low = Block(64, (128, 128, 128), stride=2)
        self.entry = Block(128, (256, 256, 256), stride=2)
        self.middle = nn.Sequential(Block(256, (728,) * 3, stride=2), *(Block(728, (728,) * 3) for _ in range(MIDDLE)))
        self.exit = nn.Sequential(
            Block(728, (728, 1024, 1024)),
            AtrousSeparable(1024, 1536, dilation=2),
            AtrousSeparable(1536, 1536, dilation=2),
            AtrousSeparable(1536, 2048, dilation=2),
        )
        norm_eps(self, 1e-3)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return features at strides 4 and 16 of images Nx3xHxW."""
        x = self.low(self.stem(images))
        low = self.entry.body[:4](x)
        x = self.entry.body[4:](low) + self.entry.shortcut(x[:, :, ::2, ::2])
        return low, self.exit(self.middle(x))


class Network(DeepLab):
    """DeepLabv3+ (Figure 2) with Xception-65."""

    def __init__(self, classes: int):
        super().__init__(Xception65(), classes)
