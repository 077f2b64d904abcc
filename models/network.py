"""One network of an aggregation: a backbone and, if it has one, its attention. The unit that pretraining gives."""

from torch import Tensor, nn

from models.attention import FCAttention
from models.xception import XCEPTION_A, XCEPTION_B, Features, Xception

BACKBONES = {"xception-a": XCEPTION_A, "xception-b": XCEPTION_B}
ATTENTIONS = ("fc", "none")


class Network(nn.Module):
    """Backbone and attention; "Backbone A" in the paper's tables is Xception A with FC attention.

    `entry` and `reused` are as in `Xception`.
    """

    def __init__(
        self, backbone: str, attention: str, entry: int | None = None, reused: tuple[int, int, int] = (0, 0, 0)
    ):
        super().__init__()
        self.backbone = Xception(BACKBONES[backbone], entry, reused)
        self.widths = self.backbone.widths
        self.attention = FCAttention(self.widths[-1]) if attention == "fc" else nn.Identity()

    def forward(self, x: Tensor, reused: Features | None = None) -> tuple[Features, Tensor]:
        """The stages, and the last stage after attention: what is fused, and what a next network starts from."""
        features = self.backbone(x, reused)
        return features, self.attention(features.enc4)


class Classifier(nn.Module):
    """A first network with its FC layer as classifier: what is pretrained (Section 4.1)."""

    def __init__(self, backbone: str):
        super().__init__()
        self.network = Network(backbone, "fc")

    def forward(self, images: Tensor) -> Tensor:
        """Class scores, Nx1000, of images Nx3xHxW."""
        return self.network.attention.classify(self.network.backbone(images).enc4)
