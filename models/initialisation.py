"""Weight initialisation, the same for DFANet's variants and for the peers."""

import hashlib
import math

import torch
from torch import Tensor, nn

SCORING = ("classify", "fc", "back")
"""Names of the layers that compute class scores or gates. No norm follows them to set the scale of the output."""

SCORING_STD = 0.01
"""Standard deviation of the weights of `SCORING`, as in mmsegmentation's heads.

FCN (Long et al. 2015, Section 4.3) starts its scores from 0. An untrained network should give every class the same
probability, so that its first loss is ln(classes).
"""


def initialise(model: nn.Module, seed: int) -> None:
    """Initialise every weight from (seed, name), so that variants that share a module start from the same weights.

    Convolutions, transposed convolutions and linear layers use He's normal distribution over the fan-in (He et al.
    2015), as TorchSeg by the same laboratory does. The layers of `SCORING` start near 0, and biases at 0. Norms keep
    the values that their module set: 1 and 0, or a fraction of 1 where several paths are summed (models/decoder.py). A
    module with its own initialisation defines a method `start()`, which is called last.
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
    """Return the number of input values that are summed in one output value."""
    weight = module.weight
    if isinstance(module, nn.ConvTranspose2d):
        return max(1, weight[:, 0].numel() // module.groups // math.prod(module.stride))
    return weight[0].numel()


def _normal(shape: torch.Size, seed: int, name: str) -> Tensor:
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)
    return torch.randn(shape, generator=generator)
