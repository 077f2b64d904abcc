"""MACs and parameters of a variant under every interpretation, computed as sums over its parts."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import nn

from models import aspp, structures
from models.decoder import Decoder
from models.interpretation import Fusion, Interpretation
from models.network import TABLE_1
from models.segmenter import scaled_size
from pipeline.complexity.macs import count_layers
from pipeline.complexity.shapes import ShapesOnly

if TYPE_CHECKING:
    from pipeline.config.variants import Variant

LONGEST = 4
"""Networks of the longest chain in Table 3. A shorter chain is its beginning."""

Size = tuple[int, int]
Shape = tuple[int, ...]


class Chain(NamedTuple):
    """(MACs, parameters) of each network, and the shapes of the features that each gives to a decoder."""

    costs: list[np.ndarray]
    high: list[Shape]
    low: list[Shape]


class Costs:
    """Counts each part once on the meta device. `options` are the answers by part, `classes` the number of classes."""

    def __init__(self, options: Mapping[str, Sequence[Any]], classes: int):
        self.options, self.classes = options, classes
        self._chain, self._context, self._decoder = map(cache, (_chain, _context, _decoder))

    def of(self, variant: "Variant", size: Size) -> np.ndarray:
        """(MACs, parameters) first, then an axis each for blocks, residuals, context and fusion; 1 long where alike.

        `variant` is of structure single, b or d, and seen by one image of `size`.
        """
        seen = scaled_size(size, variant.scale)
        xception = variant.backbone in TABLE_1
        longest = LONGEST if variant.structure == "d" else 1
        table = [
            self._whole(variant, self._chain(variant.backbone, variant.attention, longest, option, seen))
            for option in self.options["blocks" if xception else "residuals"]
        ]
        costs = np.stack(table, axis=1)
        return costs[:, :, None] if xception else costs[:, None]

    def _whole(self, variant: "Variant", chain: Chain) -> np.ndarray:
        """Return an array of shape (2: MACs and parameters, options of context, options of fusion)."""
        costs, high, low = (tuple(each[: variant.networks]) for each in chain)
        contexts = [np.zeros(2)]
        if variant.structure == "b":
            contexts = [self._context(option, high[-1]) for option in self.options["context"]]
            high = ((1, aspp.WIDTH, *high[-1][2:]),)
        decoders = [
            self._decoder(variant.decoder, high, low, _relevant(option, variant.decoder), self.classes)
            for option in self.options["fusion"]
        ]
        return sum(costs)[:, None, None] + np.stack(contexts, 1)[:, :, None] + np.stack(decoders, 1)[:, None]


def _chain(backbone: str, attention: str, networks: int, option: Any, size: Size) -> Chain:
    interpretation = Interpretation(blocks=option) if backbone in TABLE_1 else Interpretation(residuals=option)
    with torch.device("meta"):
        kind = structures.find("d" if networks > 1 else "single")
        structure = kind(backbone, attention, networks, interpretation)
        image = torch.empty(1, 3, *size)
    parameters = [_parameters(network) for network in structure.networks]
    outputs = []
    structure.register_forward_hook(lambda module, inputs, output: outputs.append(output))
    with ShapesOnly():
        layers = count_layers(structure, image)
    macs = [
        sum(count for name, count in layers.items() if name.startswith(f"networks.{index}."))
        for index in range(len(parameters))
    ]
    high, low = ([tuple(x.shape) for x in part] for part in outputs[0])
    return Chain([np.array(pair, float) for pair in zip(macs, parameters, strict=True)], high, low)


def _context(option: Any, shape: Shape) -> np.ndarray:
    with torch.device("meta"):
        return _cost(aspp.ASPP(shape[1], options=option), torch.empty(shape))


def _relevant(option: Fusion, kind: str) -> Fusion:
    """Return `option` with defaults for the answers that a decoder of this kind does not depend on."""
    if kind == "none":
        return Fusion(classified=option.classified)
    option = replace(option, classified="own")
    if kind == "HL":
        option = replace(option, join="sum", merge=option.merge if option.merges_both else "1x1")
    return option


def _decoder(kind: str, high: tuple[Shape, ...], low: tuple[Shape, ...], option: Any, classes: int) -> np.ndarray:
    with torch.device("meta"):
        decoder = Decoder(kind, [shape[1] for shape in high], [shape[1] for shape in low], classes, option)
        return _cost(decoder, *([torch.empty(shape) for shape in shapes] for shapes in (high, low)))


def _cost(module: nn.Module, *inputs: Any) -> np.ndarray:
    with ShapesOnly():
        macs = sum(count_layers(module, *inputs).values())
    return np.array([macs, _parameters(module)], float)


def _parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
