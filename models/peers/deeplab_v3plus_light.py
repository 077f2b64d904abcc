"""DeepLabv3+ (Chen et al., ECCV 2018) with a light backbone, MobileNetV2 (Sandler et al., CVPR 2018).

Neither paper reports numbers for this backbone with the decoder. Without it, the encoder and the context module are the
DeepLabv3 of MobileNetV2's Table 7: 4.52 M parameters with full convolutions at the atrous rates, 2.11 M and 2.75 GMACs
at 513x513 without them. The tests check both, and the 21.27 GMACs at 1025x2049 of the model zoo. This network has 2.73
M parameters and 5.9 GMACs at 513x513.
"""

from models.deeplab import DeepLab
from models.mobilenet import MobileNetV2


class Network(DeepLab):
    """Figure 2 with MobileNetV2 at output stride 16; the low-level features are its 144 channels at stride 4."""

    def __init__(self, classes: int):
        super().__init__(MobileNetV2(), classes)
