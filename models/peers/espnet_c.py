"""ESPNet-C (Mehta, Rastegari, Caspi, Shapiro, Hajishirzi; ECCV 2018, arXiv 1803.06815): Figure 4 (c).

The encoder of ESPNet with a classifier at stride 8, whose scores are resized to the image. Depths (alpha) are 2 and 8,
as in the ESPNet of 0.364 M parameters; this network has 0.349 M of them.
"""

from torch import Tensor, nn

from models.esp import Encoder
from models.layers import resize


class Network(nn.Module):
    """Map images Nx3xHxW to scores Nx`classes`xHxW, for any H and W."""

    def __init__(self, classes: int):
        super().__init__()
        self.encoder = Encoder()
        self.classify = nn.Conv2d(self.encoder.widths[-1], classes, 1, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        return resize(self.classify(self.encoder(images)[-1]), images.shape[-2:])
