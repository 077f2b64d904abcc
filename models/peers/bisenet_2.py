"""BiSeNet2 of DFANet's Table 5: BiSeNet (Yu et al., ECCV 2018) with ResNet-18 as context path. It is not BiSeNet V2.

Published: 49 "M" parameters and 55.3 G at 768x1536. models/bisenet.py explains the units.
"""

from models.bisenet import BiSeNet
from models.resnet import ResNet


class Network(BiSeNet):
    """BiSeNet (Figure 2 (a)) with ResNet-18."""

    def __init__(self, classes: int):
        context = ResNet(18)
        super().__init__(context, context.widths, classes)
