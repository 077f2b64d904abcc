"""SegNet (Badrinarayanan, Kendall, Cipolla; TPAMI 2017, arXiv 1511.00561): Figure 2.

The encoder is the 13 convolutions of VGG-16 with batch norm. The decoder mirrors it: each stage starts with
max-unpooling by the encoder's pooling indices, and nothing else connects the two. The last convolution computes the
scores.

Published (ENet's Table 3): 29.46 M parameters and 286.03 GFLOPs at 640x360. The network here has 29.44 M and 142.3
GMACs with 11 classes, so the paper counts two FLOPs per MAC.

Layers follow the authors' segnet_train.prototxt (alexgkendall/SegNet-Tutorial), and pooling rounds odd sides up as
their Caffe does. Deviations: convolutions have no bias, since batch norm follows all but the last; eps of the norms is
torch's 1e-5, not the 1e-9 of caffe-segnet's bn_layer.cpp.
"""

from torch import Tensor, nn

from models import vgg
from models.upsampling import pool, unpool


class Encoder(nn.Module):
    """The stages of VGG-16, each followed by pooling."""

    def __init__(self):
        super().__init__()
        self.stages = vgg.stages(norm=True)

    def forward(self, x: Tensor) -> tuple[Tensor, list[tuple[Tensor, tuple[int, int]]]]:
        """Return features at stride 32, and the pooling indices and the size before pooling of each stage."""
        pooled = []
        for stage in self.stages:
            x = stage(x)
            size = tuple(x.shape[-2:])
            x, indices = pool(x)
            pooled.append((indices, size))
        return x, pooled


class Decoder(nn.Module):
    """The stages of the encoder in reverse. The last convolution of a stage has the width of the next stage."""

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
    """Map images Nx3xHxW to scores Nx`classes`xHxW, for any H and W."""

    def __init__(self, classes: int):
        super().__init__()
        self.encoder, self.decoder = Encoder(), Decoder()
        self.classify = nn.Conv2d(vgg.WIDTHS[0], classes, 3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        return self.classify(self.decoder(*self.encoder(images)))
