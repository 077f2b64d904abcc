"""SegNet (Badrinarayanan, Kendall, Cipolla; TPAMI 2017, arXiv 1511.00561): Figure 2.

Encoder: the 13 convolutions of VGG-16 with batch norm. Decoder: its mirror image; each stage starts from max-unpooling
with the encoder's pooling indices, the only thing that passes across. The last convolution gives the scores.

Published (ENet's Table 3): 29.46 M parameters and 286.03 GFLOPs at 640x360. Counted: 29.44 M and 142.3
GMACs with 11 classes, so the FLOPs are two a multiply-accumulate.
Layers as in the authors' segnet_train.prototxt (alexgkendall/SegNet-Tutorial), an odd side rounded up when pooled as
in their Caffe. Deviations: no biases, since batch norm follows every convolution but the last; the norms' eps is
torch's 1e-5, not the 1e-9 of caffe-segnet's bn_layer.cpp.
"""

from torch import Tensor, nn

from models import vgg
from models.upsampling import pool, unpool


class Encoder(nn.Module):
    """VGG-16's stages, each followed by pooling."""

    def __init__(self):
        super().__init__()
        self.stages = vgg.stages(norm=True)

    def forward(self, x: Tensor) -> tuple[Tensor, list[tuple[Tensor, tuple[int, int]]]]:
        """Features at stride 32, and for each stage its pooling indices and its size before pooling."""
        pooled = []
        for stage in self.stages:
            x = stage(x)
            size = tuple(x.shape[-2:])
            x, indices = pool(x)
            pooled.append((indices, size))
        return x, pooled


class Decoder(nn.Module):
    """The encoder's stages in reverse; a stage's last convolution takes on the width of the next one."""

    def __init__(self):
        super().__init__()
        ends = (vgg.WIDTHS[0], *vgg.WIDTHS[:-1])
        depths = (vgg.DEPTHS[0] - 1, *vgg.DEPTHS[1:])
        self.stages = nn.ModuleList(
            vgg.convolutions(width, [width] * (depth - 1) + [end], norm=True)
            for width, depth, end in reversed(list(zip(vgg.WIDTHS, depths, ends, strict=True)))
        )

    def forward(self, x: Tensor, pooled: list[tuple[Tensor, tuple[int, int]]]) -> Tensor:
        for stage, (indices, size) in zip(self.stages, reversed(pooled), strict=True):
            x = stage(unpool(x, indices, size))
        return x


class Network(nn.Module):
    """Images Nx3xHxW to scores Nx`classes`xHxW, any H and W."""

    def __init__(self, classes: int):
        super().__init__()
        self.encoder, self.decoder = Encoder(), Decoder()
        self.classify = nn.Conv2d(vgg.WIDTHS[0], classes, 3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        return self.classify(self.decoder(*self.encoder(images)))
