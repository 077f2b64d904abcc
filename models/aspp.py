"""Atrous spatial pyramid pooling (ASPP), which structure (b) of Figure 2 uses."""

import torch
from torch import Tensor, nn

from models.interpretation import FIRST, Context
from models.layers import ConvNorm

RATES = (6, 12, 18)
WIDTH = 256


class ASPP(nn.Module):
    """Dilated 3x3 convolutions at several rates and the branches that `options` adds, joined, with batch norm and ReLU.

    Table 2 names "ASPP" without giving details. The rates and the 256 channels are DeepLab's (Chen et al. 2017).
    """

    def __init__(self, inputs: int, outputs: int = WIDTH, options: Context = FIRST.context):
        super().__init__()
        self.width = outputs
        self.branches = nn.ModuleList(
            nn.Conv2d(inputs, outputs, 3, padding=rate, dilation=rate, bias=False) for rate in RATES
        )
        self.pointwise = nn.Conv2d(inputs, outputs, 1, bias=False) if options.pointwise else None
        self.pooling = nn.Conv2d(inputs, outputs, 1, bias=False) if options.pooling else None
        count = len(RATES) + options.pointwise + options.pooling
        self.project = ConvNorm(count * outputs, outputs) if options.projection else None
        self.norm = nn.Sequential(nn.BatchNorm2d(count * outputs if self.project else outputs), nn.ReLU(inplace=True))

    def forward(self, x: Tensor) -> Tensor:
        """Map NxCxHxW to Nx`outputs`xHxW."""
        parts = [branch(x) for branch in self.branches]
        if self.pointwise:
            parts.append(self.pointwise(x))
        if self.pooling:
            parts.append(self.pooling(x.mean(dim=(2, 3), keepdim=True)).expand_as(parts[0]))
        if self.project:
            return self.project(self.norm(torch.cat(parts, dim=1)))
        return self.norm(sum(parts))
