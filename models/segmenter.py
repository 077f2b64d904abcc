"""A whole network of the study: structure, decoder, and class scores at the input's size."""

from collections.abc import Iterable

import torch.nn.functional as F
from torch import Tensor, nn

from models import structures
from models.decoder import Decoder
from models.interpretation import INTERPRETATIONS, Interpretation
from models.layers import resize


class Segmenter(nn.Module):
    """One variant: a point of the space (structure, backbone, attention, networks, decoder, scale).

    The images are resized by `scale` (of each side) before the network sees them (Table 2). `interpretation` answers
    what the paper leaves open: a name of `INTERPRETATIONS`, or such a value itself.
    """

    def __init__(
        self,
        structure: str,
        backbone: str,
        attention: str,
        networks: int,
        decoder: str,
        classes: int,
        scale: float = 1.0,
        interpretation: str | Interpretation = "first",
    ):
        super().__init__()
        self.scale = scale
        interpretation = INTERPRETATIONS[interpretation] if isinstance(interpretation, str) else interpretation
        self.structure = structures.find(structure)(backbone, attention, networks, interpretation)
        self.decoder = Decoder(decoder, self.structure.high, self.structure.low, classes, interpretation.fusion)

    def forward(self, images: Tensor) -> Tensor:
        """Class scores, Nx`classes`xHxW, of images Nx3xHxW, any H and W from 64."""
        return resize(self.decoder(*self.structure(self._scaled(images))), images.shape[-2:])

    @property
    def fused(self) -> int:
        """The number of networks whose outputs the decoder's high-level path adds; 0 without that path."""
        return len(self.structure.high) if self.decoder.high else 0

    def alone(self, images: Tensor, network: int) -> Tensor:
        """Class scores as `forward`'s, from the output of one of the `fused` networks alone (Figure 4)."""
        high, low = self.structure(self._scaled(images))
        return resize(self.decoder.alone(high[network], network, low[0].shape[-2:]), images.shape[-2:])

    def _scaled(self, images: Tensor) -> Tensor:
        if self.scale == 1:
            return images
        return F.interpolate(images, scaled_size(images.shape[-2:], self.scale), mode="bilinear", antialias=True)


def scaled_size(size: Iterable[int], scale: float) -> tuple[int, ...]:
    """What a network of `scale` sees of an image of `size`, in pixels."""
    return tuple(max(1, round(side * scale)) for side in size)
