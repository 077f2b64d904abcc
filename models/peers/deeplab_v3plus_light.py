"""DeepLabv3+ (Chen et al., ECCV 2018) on a light backbone, MobileNetV2 (Sandler et al., CVPR 2018).

Neither paper has numbers of this pair with the decoder. Without it, encoder and context are the DeepLabv3 of
MobileNetV2's Table 7: 4.52 M parameters with full convolutions at the atrous rates, 2.11 M and 2.75 GMACs at 513x513
without them. The tests count both, and the model zoo's 21.27 GMACs at 1025x2049. Counted as it is here: 2.73 M and
5.9 GMACs at 513x513.
"""

from models.deeplab import DeepLab
from models.mobilenet import MobileNetV2


class Network(DeepLab):
    """Figure 2 on MobileNetV2 at output stride 16; low-level features are its 144 channels at stride 4."""

    def __init__(self, classes: int):
        super().__init__(MobileNetV2(), classes)
