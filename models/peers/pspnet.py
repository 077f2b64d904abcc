"""PSPNet: Pyramid Scene Parsing Network. Zhao, Shi, Qi, Wang, Jia, CVPR 2017.

DFANet's Table 5 reports 412.2 G and "250.8 M" at 713x713, the crop size of the authors' Cityscapes model with
ResNet-101. The network here follows its pspnet101_cityscapes_713.prototxt (hszhao/PSPNet). The auxiliary head, which
that file lacks, follows their later code (hszhao/semseg, model/pspnet.py). The reported parameters are mebibytes of
float32: the network here has 250.7 MiB, 65.7 million parameters. It has 517.2 GMACs; with ResNet-50 it would have 364.
"""

from torch import Tensor, nn

from models.heads import Head, PyramidPooling, WithAuxiliary
from models.resnet import ResNet

DROPOUT = 0.1


class Network(WithAuxiliary):
    """Figure 3: a dilated ResNet-101 with output stride 8, pyramid pooling, and a classifier.

    All 3x3 convolutions of the third stage have dilation two, those of the fourth stage four. The input of the fourth
    stage is also classified, with weight 0.4 in the loss (Figure 4). The last 1x1 convolution of a block is four times
    as wide as its 3x3. The stem is three 3x3 convolutions (64, 64, 128).
    """

    auxiliary_weights = (0.4,)

    def __init__(self, classes: int):
        super().__init__()
        self.backbone = ResNet(101, output_stride=8, deep_stem=True, dilate_first=True)
        before, last = self.backbone.widths[2:]
        self.context = PyramidPooling(last)
        self.head = Head(self.context.width, 512, classes, DROPOUT)
        self.auxiliary = nn.ModuleList([Head(before, 256, classes, DROPOUT)])

    def features(self, images: Tensor) -> tuple[Tensor, ...]:
        *_, before, last = self.backbone(images)
        return self.head(self.context(last)), before
