"""Figure 2 (a): one branch per image scale."""

from torch import Tensor

from models.interpretation import FIRST, Interpretation
from models.layers import resize
from models.network import Network
from models.structures import base
from models.structures.base import Outputs


class Structure(base.Structure):
    """Branches that share nothing and meet in the decoder; branch n sees 1/2^n of each side of the image.

    The paper gives neither the scales nor whether branches share weights. ICNet halves the image, and its branches have
    weights of their own.
    """

    def __init__(self, backbone: str, attention: str, networks: int, interpretation: Interpretation = FIRST):
        super().__init__([Network(backbone, attention, interpretation) for _ in range(networks)])

    def forward(self, images: Tensor) -> Outputs:
        outputs = Outputs([], [])
        for index, network in enumerate(self.networks):
            size = [max(1, side >> index) for side in images.shape[-2:]]
            features, last = network(resize(images, size))
            outputs.high.append(last)
            outputs.low.append(features[0])
        return outputs
