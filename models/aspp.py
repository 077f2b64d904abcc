"""Atrous spatial pyramid pooling: structure (b) of Figure 2."""

from torch import Tensor, nn

RATES = (6, 12, 18)


class ASPP(nn.Module):
    """Dilated 3x3 convolutions at several rates, summed, then batch norm and ReLU.

    The paper adds "ASPP" in Table 2 without saying which. Three rates, 256 channels, a sum and no projection fit the
    5.3 and 3.6 GMACs that it adds to Xception A and B; the rates are DeepLab's (Chen et al. 2017).
    """

    def __init__(self, inputs: int, outputs: int = 256):
        super().__init__()
        self.width = outputs
        self.branches = nn.ModuleList(
            nn.Conv2d(inputs, outputs, 3, padding=rate, dilation=rate, bias=False) for rate in RATES
        )
        self.norm = nn.Sequential(nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))

    def forward(self, x: Tensor) -> Tensor:
        """NxCxHxW to Nx`outputs`xHxW."""
        return self.norm(sum(branch(x) for branch in self.branches))
