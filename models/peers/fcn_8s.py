"""FCN-8s (Long, Shelhamer, Darrell; CVPR 2015, arXiv 1411.4038): Figure 3, the network with strides 32, 16 and 8.

VGG-16 with its fully connected layers as convolutions. 1x1 convolutions compute scores from pool3, pool4 and the last
layer, which are upsampled and summed.

Published (Table 1): 134 M parameters. DFANet's Table 5 reports 136.2 GFLOPs at 512x1024. There the 13 convolutions of
VGG-16 alone take 160 GMACs and the whole network takes 222, so neither one nor two FLOPs per MAC match.

The network is trained in one step, as the authors' voc-fcn8s-atonce (shelhamer/fcn.berkeleyvision.org): pool4 and pool3
are scaled before their scores are computed. The authors use pixels from 0 to 255 minus their mean and a pretrained
VGG-16, so their scaled features are of order 1. Here images are normalised, so the two skips start correspondingly
weaker. Upsampling is bilinear throughout, to which the authors' transposed convolutions are fixed. Deviation: the 7x7
convolution is padded by 3 instead of the image by 100 pixels.
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
        """Return pool3, pool4 and the features of the head, at strides 8, 16 and 32."""
        pooled = []
        for stage in self.stages:
            x = F.max_pool2d(stage(x), 2, ceil_mode=True)
            pooled.append(x)
        return pooled[2], pooled[3], self.head(x)


class ScoresFromZero(Scores):
    """Scores that start from zero (Section 4.3): the authors' score layers use Caffe's default filler, a constant 0."""

    def start(self) -> None:
        nn.init.zeros_(self.classify.weight)


class Network(nn.Module):
    """Map images Nx3xHxW to scores Nx`classes`xHxW, for any H and W."""

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
