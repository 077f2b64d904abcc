"""What every structure is: networks, and how they are connected."""

from typing import NamedTuple

from torch import Tensor, nn

from models.network import Network


class Outputs(NamedTuple):
    """What a decoder fuses: the last stage of every network, and the enc2 of every network."""

    high: list[Tensor]
    low: list[Tensor]


class Structure(nn.Module):
    """Networks and how they are connected. `high` and `low` are the channels of what `forward` returns.

    A derived class is built from (backbone, attention, networks, interpretation): the first two are names, `networks`
    is a number, and the interpretation answers what the paper leaves open.
    """

    def __init__(self, networks: list[Network]):
        super().__init__()
        self.networks = nn.ModuleList(networks)
        self.high = [network.widths[-1] for network in networks]
        self.low = [network.widths[0] for network in networks]

    def forward(self, images: Tensor) -> Outputs:
        """Outputs for images Nx3xHxW."""
        raise NotImplementedError
