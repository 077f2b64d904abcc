"""One network of an aggregation: a backbone and, if it has one, its attention. The unit that pretraining gives."""

from torch import Tensor, nn

from models.attention import ATTENTIONS
from models.interpretation import FIRST, INTERPRETATIONS, Interpretation
from models.resnet import ResNet
from models.xception import XCEPTION_A, XCEPTION_B, Xception

TABLE_1 = {"xception-a": XCEPTION_A, "xception-b": XCEPTION_B}
BACKBONES = (*TABLE_1, "resnet-50")


class Network(nn.Module):
    """Backbone and attention; "Backbone A" in the paper's tables is Xception A with FC attention.

    `entry` and `reused` are as in `Xception`; a ResNet can only be a first network. `widths` are the stages' channels.
    """

    def __init__(
        self,
        backbone: str,
        attention: str,
        interpretation: Interpretation = FIRST,
        entry: int | None = None,
        reused: tuple[int, int, int] = (0, 0, 0),
    ):
        super().__init__()
        if backbone in TABLE_1:
            self.backbone = Xception(TABLE_1[backbone], entry, reused, interpretation.blocks)
        else:
            self.backbone = ResNet(50, **vars(interpretation.residuals))
        self.widths = self.backbone.widths
        self.transfer = interpretation.transfer.first_blocks
        self.attention = ATTENTIONS[attention](self.widths[-1], interpretation.gate)

    def takes(self, name: str) -> bool:
        """Whether a pretrained tensor of this name may be loaded: attention's only if it is to know ImageNet."""
        return not name.startswith("attention.") or getattr(self.attention, "pretrained", False)

    def slices(self, name: str) -> bool:
        """Whether a pretrained tensor of this name with fewer channels goes into the first ones of this network's.

        They read the network's own features, as in pretraining (`Xception.forward` concatenates the reused ones after
        them). In a later network's enc2 they do not: its input replaces the stem's and is another network's throughout.
        """
        return self.transfer == "sliced" and not name.startswith("backbone.enc2.")

    def forward(self, x: Tensor, reused: tuple[Tensor, ...] | None = None) -> tuple[tuple[Tensor, ...], Tensor]:
        """The stages, and the last stage after attention: what is fused, and what a next network starts from."""
        features = self.backbone(x) if reused is None else self.backbone(x, reused)
        return features, self.attention(features[-1])


class Classifier(nn.Module):
    """A first network with its FC layer as classifier: what is pretrained (Section 4.1).

    `name` is a backbone's, and where it is by another interpretation than `first` also that one's: xception-a-fitted.
    """

    def __init__(self, name: str):
        super().__init__()
        backbone = next(each for each in BACKBONES if name.startswith(each))
        self.network = Network(
            backbone, "fc", INTERPRETATIONS[name.removeprefix(backbone).removeprefix("-") or "first"]
        )

    def forward(self, images: Tensor) -> Tensor:
        """Class scores, Nx1000, of images Nx3xHxW."""
        return self.network.attention.classify(self.network.backbone(images)[-1])
