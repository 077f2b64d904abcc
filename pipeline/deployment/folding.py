"""Batch norm folded into the convolution before it, for networks of any make."""

from collections import Counter

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)


@torch.no_grad()
def fold(model: nn.Module, image: Tensor) -> nn.Module:
    """Fold, in place, every batch norm that reads the output of one convolution and is its only reader among modules.

    Which those are is seen in one pass of `image` (1x3xHxW); a norm of anything else (a sum, a concatenation) stays.
    `model` must be in evaluation mode. Its scores change by rounding alone, as long as it hands no convolution's
    output past its norm.
    """
    for convolution, norm in _pairs(model, image):
        places = {id(module): name for name, module in model.named_modules()}
        transposed = isinstance(convolution, nn.ConvTranspose2d)
        model.set_submodule(places[id(convolution)], fuse_conv_bn_eval(convolution, norm, transposed))
        model.set_submodule(places[id(norm)], nn.Identity())
    return model


def _pairs(model: nn.Module, image: Tensor) -> list[tuple[nn.Module, nn.Module]]:
    """Convolution and norm, where neither meets anything else."""
    made: dict[int, tuple[nn.Module, Tensor]] = {}  # holds the tensors: an id is free again when its owner is gone
    readers: list[tuple[nn.Module | None, nn.Module]] = []

    def wrote(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        made[id(output)] = (module, output)

    def reads(module: nn.Module, inputs: tuple[object, ...]) -> None:
        readers.extend((made.get(id(each), (None,))[0], module) for each in inputs)

    leaves = [module for module in model.modules() if not any(module.children())]
    hooks = [module.register_forward_pre_hook(reads) for module in leaves]
    hooks += [module.register_forward_hook(wrote) for module in leaves if isinstance(module, CONVOLUTIONS)]
    try:
        model(image)
    finally:
        for hook in hooks:
            hook.remove()
    met = set(readers)
    written, read = Counter(writer for writer, _ in met), Counter(reader for _, reader in met)
    alone = [pair for pair in met if pair[0] and written[pair[0]] == read[pair[1]] == 1]
    return [pair for pair in alone if isinstance(pair[1], nn.BatchNorm2d)]
