"""The four structures of Figure 2 on one backbone: each a way to connect networks, and nothing else.

The paper draws the four and measures them with different decoders. Here each returns the outputs and the enc2 of its
networks, and the same decoder fuses them, so that variants differ in the structure alone.
"""

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor, nn

from models.aspp import ASPP
from models.interpretation import FIRST, Interpretation
from models.layers import resize
from models.network import Network


class Outputs(NamedTuple):
    """What a decoder fuses: every network's last stage, and every network's enc2."""

    high: list[Tensor]
    low: list[Tensor]


class Structure(nn.Module):
    """Networks and how they are connected. `high` and `low` are the channels of what `forward` returns."""

    def __init__(self, networks: list[Network]):
        super().__init__()
        self.networks = nn.ModuleList(networks)
        self.high = [network.widths[-1] for network in networks]
        self.low = [network.widths[0] for network in networks]

    def forward(self, images: Tensor) -> Outputs:
        """Images are Nx3xHxW."""
        raise NotImplementedError


class Single(Structure):
    """The backbone by itself."""

    def __init__(self, backbone: str, attention: str, networks: int, interpretation: Interpretation = FIRST):
        super().__init__([Network(backbone, attention, interpretation)])

    def forward(self, images: Tensor) -> Outputs:
        features, last = self.networks[0](images)
        return Outputs([last], [features[0]])


class MultiBranch(Structure):
    """Figure 2 (a): one branch an image scale, nothing passes between them. Branch n sees 1/2^n of each side.

    The paper gives neither the scales nor whether branches share weights; ICNet halves, with weights of their own.
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


class PyramidPooling(Single):
    """Figure 2 (b): the backbone, and spatial pyramid pooling at its end."""

    def __init__(self, backbone: str, attention: str, networks: int, interpretation: Interpretation = FIRST):
        super().__init__(backbone, attention, networks, interpretation)
        self.context = ASPP(self.high[0], options=interpretation.context)
        self.high = [self.context.width]

    def forward(self, images: Tensor) -> Outputs:
        (last,), low = super().forward(images)
        return Outputs([self.context(last)], low)


class NetworkReuse(Structure):
    """Figure 2 (c): each network's output, upsampled x4, is the next one's input; nothing else passes."""

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


class StageReuse(NetworkReuse):
    """Figure 2 (d) and Figure 3: as (c), and each stage is concatenated into the input of the next network's stage."""

    reuses_stages = True


ALONE = ("single", "b")
"""The structures that have one network."""

STRUCTURES: dict[str, Callable[..., Structure]] = {
    "single": Single,
    "a": MultiBranch,
    "b": PyramidPooling,
    "c": NetworkReuse,
    "d": StageReuse,
}
