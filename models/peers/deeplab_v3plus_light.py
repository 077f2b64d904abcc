"""DeepLabv3+ (Chen et al., ECCV 2018) on a light backbone, MobileNetV2 (Sandler et al., CVPR 2018).

Nobody published numbers of this pair with the decoder. Without it and with full convolutions it is MobileNetV2's
Table 7 (4.52 M, 5.8 GMACs; without atrous convolutions 2.11 M, 2.75 GMACs; at 513x513), and the tests count both.
"""

from models.deeplab import DeepLab
from models.mobilenet import MobileNetV2


class Network(DeepLab):
    """Figure 2 on MobileNetV2 at output stride 16; low-level features are its 24 channels at stride 4."""

    def __init__(self, classes: int):
        super().__init__(MobileNetV2(), classes)
