"""ICNet: Zhao, Qi, Shen, Shi, Jia, ECCV 2018 (arXiv 1704.08545).

Layers follow the authors' icnet_cityscapes_bnnomerge.prototxt (hszhao/ICNet), the deployed network, in which pruning
kept half of PSPNet50's kernels. DFANet's Table 5 reports 28.3 G and "26.5 M" at 1024x2048. The network here has 29.0
GMACs and 6.70 million parameters, which is 26.8 MB of float32.

Deviation: the pyramid averages adaptive windows. At 1024x2048 these are smaller than the authors' where the number of
bins does not divide a side (11x22 instead of 13x25 for three rows).
"""

import torch
from torch import Tensor, nn

from models.heads import Scores, WithAuxiliary, pyramid
from models.layers import ConvNorm, resize
from models.resnet import ResNet

WIDTH = 128
"""Channels of the fused features (Figure 3)."""


class CascadeFusion(nn.Module):
    """Figure 3: the sum of coarse features, resized, after a dilated 3x3 and of fine features after a 1x1.

    The classifier of the coarse features in the figure is an auxiliary head here.
    """

    def __init__(self, coarse: int, fine: int):
        super().__init__()
        self.coarse = ConvNorm(coarse, WIDTH, 3, activation=False, dilation=2)
        self.fine = ConvNorm(fine, WIDTH, activation=False)

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        return torch.relu(self.coarse(coarse) + self.fine(fine))


class Network(WithAuxiliary):
    """Figure 2: PSPNet50 on the quarter-size image, its first stages on the half-size, three convolutions on the full
    one.

    As in the authors' network, the first two branches share their first stages, and the quarter-size branch halves
    features, not the image. The network starts at half the width, where the authors trained the full width and pruned
    it. The weights of the auxiliary losses, 0.16 for the quarter-size and 0.4 for the half-size branch, are those of
    the known TensorFlow version. The losses compare scores with labels at full size, not at the size of the branch.
    """

    auxiliary_weights = (0.16, 0.4)

    def __init__(self, classes: int):
        super().__init__()
        self.pspnet = ResNet(50, output_stride=8, strided=1, deep_stem=True, dilate_first=True, stem=32)
        shared, last = self.pspnet.widths[1], self.pspnet.widths[3]
        self.reduce = ConvNorm(last, 256)
        self.full = nn.Sequential(ConvNorm(3, 32, 3, 2), ConvNorm(32, 32, 3, 2), ConvNorm(32, 64, 3, 2))
        self.fuse_quarter, self.fuse_half = CascadeFusion(256, shared), CascadeFusion(WIDTH, 64)
        self.classify = nn.Conv2d(WIDTH, classes, 1)
        self.auxiliary = nn.ModuleList(Scores(width, classes) for width in (256, WIDTH))

    def features(self, images: Tensor) -> tuple[Tensor, ...]:
        full = self.full(images)
        half, quarter = self._branches(resize(images, [max(1, side // 2) for side in images.shape[-2:]]))
        quarter = resize(quarter, half.shape[-2:])
        fused = self.fuse_quarter(quarter, half)
        fused = resize(fused, full.shape[-2:])
        main = self.fuse_half(fused, full)
        main = resize(main, [2 * side for side in main.shape[-2:]])
        return self.classify(main), quarter, fused

    def _branches(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return stride 8, after one block of stage 2, and stride 16, after all stages and the pyramid."""
        net = self.pspnet
        half = net.stage2[0](net.stage1(net.stem(images)))
        x = net.stage2[1:](resize(half, [-(-side // 2) for side in half.shape[-2:]]))
        x = net.stage4(net.stage3(x))
        return half, self.reduce(x + sum(resize(pooled, x.shape[-2:]) for pooled in pyramid(x)))
