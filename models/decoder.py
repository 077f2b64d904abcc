"""The output fusion of Figure 3, with its high-level (HL) and low-level (LL) path (Table 4)."""

import torch
from torch import Tensor, nn

from models.interpretation import FIRST, Fusion
from models.layers import ConvNorm, SeparableConv, resize

MERGES = {
    "1x1": ConvNorm,
    "separable": SeparableConv,
    "3x3": lambda inputs, outputs: ConvNorm(inputs, outputs, kernel=3),
}


def start_at_share(layers: nn.Module, terms: int) -> None:
    """Let the last norm of `layers` start at 1/`terms`: the weight of one term in a sum."""
    norms = [module for module in layers.modules() if isinstance(module, nn.BatchNorm2d)]
    nn.init.constant_(norms[-1].weight, 1 / terms)


class Path(nn.Module):
    """Each input through a convolution to the decoder's channels, resized to `size`, and joined.

    The decoder adds `paths` paths. What is summed starts with its share of 1, so that no sum grows with its terms.
    """

    def __init__(self, channels: list[int], options: Fusion, join: str = "sum", paths: int = 1):
        super().__init__()
        self.reduce = nn.ModuleList(ConvNorm(count, options.width, options.kernel) for count in channels)
        self.reduce_first, self.join = options.reduce_first, join
        self.width = options.width * (len(channels) if join == "concat" else 1)
        for reduce in self.reduce:
            start_at_share(reduce, paths * len(channels) if join == "sum" else 1)

    def forward(self, inputs: list[Tensor], size: tuple[int, int]) -> Tensor:
        outputs = [self.part(index, x, size) for index, x in enumerate(inputs)]
        return torch.cat(outputs, dim=1) if self.join == "concat" else sum(outputs)

    def part(self, index: int, x: Tensor, size: tuple[int, int]) -> Tensor:
        """One input as it is joined with the others."""
        reduce = self.reduce[index]
        return resize(reduce(x), size) if self.reduce_first else reduce(resize(x, size))


class Decoder(nn.Module):
    """Class scores from the outputs of all networks, at the resolution of the first network's enc2 (stride 4).

    `high` and `low` are the channels of the networks' outputs and of their enc2. Without a high-level path ("none")
    the last network's output is classified by itself, at its own resolution unless `options` says otherwise
    (Tables 3 and 4 count nothing else).
    """

    def __init__(self, kind: str, high: list[int], low: list[int], classes: int, options: Fusion = FIRST.fusion):
        super().__init__()
        # A convolution that merges both paths has a norm, which takes their scale away.
        paths = 2 if kind == "HL+LL" and not options.merges_both else 1
        self.high = Path(high, options, paths=paths) if kind != "none" else None
        self.low = Path(low, options, options.join) if kind == "HL+LL" else None
        self.merges_both, self.classified = options.merges_both, options.classified
        merged = self.high if options.merges_both else self.low
        self.merge = MERGES[options.merge](merged.width, options.width) if merged else None
        if self.merge:
            start_at_share(self.merge, paths)
        self.classify = nn.Conv2d(options.width if self.high else high[-1], classes, 1)

    def forward(self, high: list[Tensor], low: list[Tensor]) -> Tensor:
        size = low[0].shape[-2:]
        if self.high is None:
            return self.classify(high[-1] if self.classified == "own" else resize(high[-1], size))
        fused = self.high(high, size)
        if self.low:
            joined = self.low(low, size)
            fused = fused + (joined if self.merges_both else self.merge(joined))
        return self._classes(fused)

    def alone(self, output: Tensor, network: int, size: tuple[int, int]) -> Tensor:
        """Class scores from one network's output alone, through its part of the high-level path (Figure 4).

        Unless a convolution merges both paths, what follows the sum is linear: added over the networks, these are the
        HL decoder's scores, with a bias for each network instead of one.
        """
        return self._classes(self.high.part(network, output, size))

    def _classes(self, fused: Tensor) -> Tensor:
        return self.classify(self.merge(fused) if self.merge and self.merges_both else fused)
