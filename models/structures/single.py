"""The backbone by itself, with which the structures of Figure 2 are compared."""

from torch import Tensor

from models.interpretation import FIRST, Interpretation
from models.network import Network
from models.structures import base
from models.structures.base import Outputs


class Structure(base.Structure):
    """One network; `networks` is 1."""

    def __init__(self, backbone: str, attention: str, networks: int = 1, interpretation: Interpretation = FIRST):
        super().__init__([Network(backbone, attention, interpretation)])

    def forward(self, images: Tensor) -> Outputs:
        features, last = self.networks[0](images)
        return Outputs([last], [features[0]])
