"""Figure 2 (b): the backbone, and spatial pyramid pooling at its end."""

from torch import Tensor

from models.aspp import ASPP
from models.interpretation import FIRST, Interpretation
from models.structures import single
from models.structures.base import Outputs


class Structure(single.Structure):
    """One network, whose output passes through ASPP; `networks` is 1."""

    def __init__(self, backbone: str, attention: str, networks: int = 1, interpretation: Interpretation = FIRST):
        super().__init__(backbone, attention, networks, interpretation)
        self.context = ASPP(self.high[0], options=interpretation.context)
        self.high = [self.context.width]

    def forward(self, images: Tensor) -> Outputs:
        (last,), low = super().forward(images)
        return Outputs([self.context(last)], low)
