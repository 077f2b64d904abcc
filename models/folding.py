"""Folds batch norm into the preceding convolution, for any network."""

from collections import Counter

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)


@torch.no_grad()
def fold(model: nn.Module, image: Tensor) -> nn.Module:
    """Fold, in place, every batch norm that is the only module to read the output of one convolution.

    One forward pass of `image` (1x3xHxW) finds them. A norm of any other input (a sum, a concatenation) stays. `model`
    must be in evaluation mode. Its scores change by rounding only, provided that nothing but the norm uses the output
    of a folded convolution, be it a module or an operator.
    """
    for convolution, norm in _pairs(model, image):
        places = {id(module): name for name, module in model.named_modules()}
        transposed = isinstance(convolution, nn.ConvTranspose2d)
        model.set_submodule(places[id(convolution)], fuse_conv_bn_eval(convolution, norm, transposed))
        model.set_submodule(places[id(norm)], nn.Identity())
    return model


def _pairs(model: nn.Module, image: Tensor) -> list[tuple[nn.Module, nn.Module]]:
    """Return (convolution, norm) where the norm reads only this convolution and no other module does."""
    made: dict[int, tuple[nn.Module, Tensor]] = {}  # keeps the tensors alive, so that no id is reused
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
