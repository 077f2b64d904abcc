"""FCN-8s (Long, Shelhamer, Darrell; CVPR 2015, arXiv 1411.4038): Figure 3, the net of strides 32, 16 and 8.

VGG-16 with its fully connected layers as convolutions; 1x1 convolutions score pool3, pool4 and the last layer, and the
scores are upsampled and summed.

Published (Table 1): 134 M parameters. Table 5 of DFANet says 136.2 GFLOPs at 512x1024; the 13 convolutions of VGG-16
alone take 160 GMACs there, and the whole 222, so neither one nor two operations a multiply-accumulate fit.
Trained at once, as the authors' voc-fcn8s-atonce (shelhamer/fcn.berkeleyvision.org): pool4 and pool3 are scaled before
they are scored. The authors' images are pixels from 0 to 255 less their mean and their VGG-16 is pretrained, so their
scaled features are of order 1; here images are normalised, and the two skips start that much weaker.
Upsampling is bilinear throughout: the authors' transposed convolutions are fixed to it. Deviations: images are not
padded by 100 pixels, the 7x7 convolution is padded by 3 instead.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from models import vgg
from models.heads import Scores
from models.layers import resize

WIDTH = 4096
POOL3_SCALE, POOL4_SCALE = 0.0001, 0.01


class Encoder(nn.Module):
    """VGG-16 with its two fully connected layers as convolutions."""

    def __init__(self):
        super().__init__()
        self.stages = vgg.stages(norm=False)
        self.head = nn.Sequential(
            nn.Conv2d(vgg.WIDTHS[-1], WIDTH, 7, padding=3),
            nn.ReLU(inplace=True),
            nn.Dropout(0.5),
            nn.Conv2d(WIDTH, WIDTH, 1),
            nn.ReLU(inplace=True),
            nn.Dropout(0.5),
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """pool3, pool4 and the head's features: strides 8, 16 and 32."""
        pooled = []
        for stage in self.stages:
            x = F.max_pool2d(stage(x), 2, ceil_mode=True)
            pooled.append(x)
        return pooled[2], pooled[3], self.head(x)


class ScoresFromZero(Scores):
    """Scores that start from zero (Section 4.3); the authors' score layers have Caffe's default, a constant 0."""

    def start(self) -> None:
        nn.init.zeros_(self.classify.weight)


class Network(nn.Module):
    """Images Nx3xHxW to scores Nx`classes`xHxW, any H and W."""

    def __init__(self, classes: int):
        super().__init__()
        self.encoder = Encoder()
        self.score8, self.score16, self.score32 = (
            ScoresFromZero(width, classes) for width in (vgg.WIDTHS[2], vgg.WIDTHS[3], WIDTH)
        )

    def forward(self, images: Tensor) -> Tensor:
        pool3, pool4, last = self.encoder(images)
        x = resize(self.score32(last), pool4.shape[-2:]) + self.score16(POOL4_SCALE * pool4)
        x = resize(x, pool3.shape[-2:]) + self.score8(POOL3_SCALE * pool3)
        return resize(x, images.shape[-2:])
