"""Figure 2 (c): feature reuse in network level."""

from torch import Tensor

from models.interpretation import FIRST, Interpretation
from models.layers import resize
from models.network import Network
from models.structures import base
from models.structures.base import Outputs


class Structure(base.Structure):
    """The output of each network, upsampled x4, is the input of the next one; nothing else passes.

    With `reuses_stages` each stage is passed on too.
    """

    reuses_stages = False

    def __init__(self, backbone: str, attention: str, networks: int, interpretation: Interpretation = FIRST):
        first = Network(backbone, attention, interpretation)
        reused = first.widths if self.reuses_stages else (0, 0, 0)
        later = [Network(backbone, attention, interpretation, first.widths[-1], reused) for _ in range(networks - 1)]
        super().__init__([first, *later])

    def forward(self, images: Tensor) -> Outputs:
        outputs, x, features = Outputs([], []), images, None
        for network in self.networks:
            features, last = network(x, features if self.reuses_stages else None)
            outputs.high.append(last)
            outputs.low.append(features[0])
            x = resize(last, features[0].shape[-2:])
        return outputs
