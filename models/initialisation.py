"""How every network starts: one rule for DFANet's variants and for its peers."""

import hashlib
import math

import torch
from torch import Tensor, nn

SCORING = ("classify", "fc", "back")
"""Names of the layers that give class scores or gates: no norm or ReLU follows, so their scale is the output's."""

SCORING_STD = 0.01
"""As in mmsegmentation's heads. FCN (Long et al. 2015, Section 4.3) starts its scores from 0: a network that knows
nothing should call every class equally likely, which makes its first loss ln(classes)."""


def initialise(model: nn.Module, seed: int) -> None:
    """Draw every weight from (seed, its name), so that modules that two variants share start alike.

    Convolutions (transposed ones too) and linear layers: He's normal distribution over the fan-in (He et al. 2015), as
    in TorchSeg, the code that the same laboratory published. The layers of `SCORING` start near 0. Biases are 0. Norms
    keep what their module gave them: 1 and 0, or a share of 1 where several paths are summed (models/decoder.py).
    A module that has a start of its own says so in a method `start()`, which runs last.
    """
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            scoring = name.rpartition(".")[2] in SCORING
            std = SCORING_STD if scoring else math.sqrt(2 / _fan_in(module))
            with torch.no_grad():
                module.weight.copy_(_normal(module.weight.shape, seed, name) * std)
                if module.bias is not None:
                    module.bias.zero_()
    for module in model.modules():
        if hasattr(module, "start"):
            module.start()


def _fan_in(module: nn.Module) -> int:
    """The number of input values that one output value is a sum of."""
    weight = module.weight
    if isinstance(module, nn.ConvTranspose2d):
        return max(1, weight[:, 0].numel() // module.groups // math.prod(module.stride))
    return weight[0].numel()


def _normal(shape: torch.Size, seed: int, name: str) -> Tensor:
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)
    return torch.randn(shape, generator=generator)
