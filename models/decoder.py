"""The output fusion of Figure 3, with its high-level (HL) and low-level (LL) path (Table 4)."""

from torch import Tensor, nn

from models.layers import ConvNorm, resize

DECODERS = ("none", "HL", "HL+LL")
WIDTH = 64
"""Channels of the decoder's convolutions, and their 1x1 kernels: from a third-party note, and the paper's MACs fit."""


class Path(nn.Module):
    """Each input through a 1x1 convolution to 64 channels, resized to `size`, and summed."""

    def __init__(self, channels: list[int]):
        super().__init__()
        self.reduce = nn.ModuleList(ConvNorm(count, WIDTH) for count in channels)

    def forward(self, inputs: list[Tensor], size: tuple[int, int]) -> Tensor:
        return sum(resize(reduce(x), size) for reduce, x in zip(self.reduce, inputs, strict=True))


class Decoder(nn.Module):
    """Class scores from the outputs of all networks, at the resolution of the first network's enc2 (stride 4).

    `high` and `low` are the channels of the networks' outputs and of their enc2. Without a high-level path ("none")
    the last network's output is classified by itself, at its own resolution (Tables 3 and 4 count nothing else).
    """

    def __init__(self, kind: str, high: list[int], low: list[int], classes: int):
        super().__init__()
        self.high = Path(high) if kind != "none" else None
        self.low = Path(low) if kind == "HL+LL" else None
        self.merge = ConvNorm(WIDTH, WIDTH) if self.low else None
        self.classify = nn.Conv2d(WIDTH if self.high else high[-1], classes, 1)

    def forward(self, high: list[Tensor], low: list[Tensor]) -> Tensor:
        if self.high is None:
            return self.classify(high[-1])
        size = low[0].shape[-2:]
        fused = self.high(high, size)
        if self.low:
            fused = fused + self.merge(self.low(low, size))
        return self.classify(fused)

    def alone(self, output: Tensor, network: int, size: tuple[int, int]) -> Tensor:
        """Class scores from one network's output alone, through its part of the high-level path.

        Sum, resize and classifier are linear: added over the networks, these are the HL decoder's scores (with a bias
        for each network instead of one).
        """
        return self.classify(resize(self.high.reduce[network](output), size))
