"""BiSeNet2 of DFANet's Table 5: BiSeNet (Yu et al., ECCV 2018) with ResNet-18 as context path. Not BiSeNet V2.

Published: 49.0 "M" parameters and 55.3 GFLOPs at 768x1536 (Table 5 here, BiSeNet's Table 6).
"""

from models.bisenet import BiSeNet
from models.resnet import ResNet


class Network(BiSeNet):
    """Figure 2 (a) on ResNet-18."""

    def __init__(self, classes: int):
        context = ResNet(18)
        super().__init__(context, context.widths, classes)
