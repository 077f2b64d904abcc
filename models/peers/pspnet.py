"""PSPNet: Pyramid Scene Parsing Network. Zhao, Shi, Qi, Wang, Jia, CVPR 2017.

DFANet's Table 5 has 412.2 G and "250.8 M" at 713x713, the crop of the authors' Cityscapes model with ResNet-101, which
is rendered here as their pspnet101_cityscapes_713.prototxt (hszhao/PSPNet) has it; the auxiliary head, which that file
lacks, is their later code's (hszhao/semseg, model/pspnet.py). The parameters are mebibytes of float32: 250.7 are
counted, 65.7 million. The MACs come to 517.2 G; ResNet-50 would give 364.
"""

from torch import Tensor, nn

from models.heads import Head, PyramidPooling, WithAuxiliary
from models.resnet import ResNet

DROPOUT = 0.1


class Network(WithAuxiliary):
    """Figure 3: a dilated ResNet-101 of output stride 8, pyramid pooling, and a classifier.

    All 3x3 convolutions of the third stage dilate by two, all of the fourth by four. Figure 4: the fourth stage's input
    is classified too, with weight 0.4 in the loss. The 1x1 convolutions that end the stages are four times as wide as
    their 3x3; the stem is three 3x3 convolutions (64, 64, 128).
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
