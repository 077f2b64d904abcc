"""BiSeNet1 of DFANet's Table 5: BiSeNet (Yu et al., ECCV 2018) with Xception39 as context path.

Published: 5.8 "M" parameters and 14.8 G at 768x1536. models/bisenet.py explains the units.
"""

from torch import Tensor, nn

from models.bisenet import BiSeNet
from models.interpretation import Blocks
from models.layers import ConvNorm
from models.xception import Features, Table1, Xception

XCEPTION39 = Table1(stem=8, widths=(64, 128, 256), blocks=(4, 8, 4))
"""The paper names Xception39 without a table; the stages follow the authors' code."""


class ContextPath(nn.Module):
    """Xception39: a stem with max pooling, then stages at strides 8, 16 and 32.

    The blocks are DFANet's, by the same laboratory. As in the authors' code, the shortcut of a first block is a
    separable 3x3.
    """

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(ConvNorm(3, XCEPTION39.stem, 3, stride=2), nn.MaxPool2d(3, stride=2, padding=1))
        self.stages = Xception(XCEPTION39, entry=XCEPTION39.stem, options=Blocks(shortcut="separable"))

    def forward(self, images: Tensor) -> Features:
        return self.stages(self.stem(images))


class Network(BiSeNet):
    """BiSeNet (Figure 2 (a)) with Xception39."""

    def __init__(self, classes: int):
        super().__init__(ContextPath(), XCEPTION39.widths, classes)
