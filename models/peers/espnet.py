"""ESPNet (Mehta, Rastegari, Caspi, Shapiro, Hajishirzi; ECCV 2018, arXiv 1803.06815): Figure 4 (d).

The network is ESPNet-C and a decoder with as many channels as classes, of which there must be at least five.

Published: 0.364 M parameters, 180 times fewer than the 65.7 M of PSPNet. The network here has 0.365 M with the 20
classes of Cityscapes (including void) and 0.363 M with 19. DFANet's tables do not include ESPNet.

The paper does not say where the norms of the decoder are; they follow the authors' code. The paper trains ESPNet-C
first and then adds the decoder; here both are trained together, with the recipe of all networks.
"""

import torch
from torch import Tensor, nn

from models.esp import EPS, ESP, Encoder, normalised
from models.upsampling import Doubling


class Decoder(nn.Module):
    """Decoder with as many channels as classes, from stride 8 through three doublings.

    Encoder features at strides 4 and 2 join on the way. Norms follow every layer but the last doubling, which therefore
    alone sets the initial scale of the scores.
    """

    def __init__(self, widths: tuple[int, int, int], classes: int):
        super().__init__()
        first, second, third = widths
        self.score3 = nn.Sequential(nn.Conv2d(third, classes, 1, bias=False), nn.BatchNorm2d(classes, EPS))
        self.upsample3 = Doubling(classes, classes)
        self.score2 = nn.Conv2d(second, classes, 1, bias=False)
        self.merge2 = nn.Sequential(normalised(2 * classes), ESP(2 * classes, classes, residual=False))
        self.upsample2 = Doubling(classes, classes)
        self.norm2 = normalised(classes)
        self.merge1 = nn.Sequential(nn.Conv2d(first + classes, classes, 3, padding=1, bias=False), normalised(classes))
        self.classify = Doubling(classes, classes)

    def forward(self, features: tuple[Tensor, Tensor, Tensor], size: tuple[int, int]) -> Tensor:
        """Return scores of `size` for the three features of the encoder."""
        first, second, third = features
        x = self.upsample3(self.score3(third), second.shape[-2:])
        x = self.merge2(torch.cat((self.score2(second), x), dim=1))
        x = self.norm2(self.upsample2(x, first.shape[-2:]))
        return self.classify(self.merge1(torch.cat((x, first), dim=1)), size)


class Network(nn.Module):
    """Map images Nx3xHxW to scores Nx`classes`xHxW, for any H and W."""

    def __init__(self, classes: int):
        super().__init__()
        self.encoder = Encoder()
        self.decoder = Decoder(self.encoder.widths, classes)

    def forward(self, images: Tensor) -> Tensor:
        return self.decoder(self.encoder(images), images.shape[-2:])
