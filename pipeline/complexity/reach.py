"""What of a network cannot act at an image size: kernels that meet padding alone, and pooling that reduces nothing.

A convolution whose rate is no less than a side of its map has all its taps but the centre outside along that side: on a
map of one row a 3x3 is a 1x3, and in ASPP at stride 16 the rates 12 and 18 are 1x1 until the image has some 300 rows.
Any variant or peer can be asked, for maps are measured: a batch of no images goes through the network, which costs no
arithmetic and, unlike the meta device, no import of torch's symbolic shapes (seconds).
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from functools import cache, partial
from itertools import groupby, product
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from models.build import build

if TYPE_CHECKING:
    from pipeline.config.variants import AnyVariant

Size = tuple[int, int]

SIDES = range(64, 4097, 16)
"""Sides of square images among which the first is looked for at which all acts: those that params.yaml may hold."""

ALONG = {(True, False): " from top to bottom", (False, True): " from left to right", (True, True): ""}


class Convolution(NamedTuple):
    """A convolution in a part of the network, on a map of a size. Pairs are (along the rows' direction, columns')."""

    part: str
    map: Size
    kernel: Size
    rate: Size

    @property
    def left(self) -> Size:
        """The kernel that is left when taps that only ever meet padding are taken off."""
        return tuple(1 if r >= side else k for k, r, side in zip(self.kernel, self.rate, self.map, strict=True))

    @property
    def idle(self) -> bool:
        return self.left != self.kernel


class Pooling(NamedTuple):
    """Adaptive pooling of a map to a number of bins; to one it is meant to leave nothing of the map."""

    map: Size
    bins: Size

    @property
    def lost(self) -> tuple[bool, bool]:
        """Along which sides it does not reduce the map."""
        return tuple(bins >= max(2, side) for bins, side in zip(self.bins, self.map, strict=True))

    @property
    def idle(self) -> bool:
        return any(self.lost)


def warnings(variants: dict[str, "AnyVariant"], classes: int, sizes: Iterable[Size]) -> list[str]:
    """A sentence for each size and each fault there, with the variants that have it and the size that mends it."""
    found: dict[tuple, list[str]] = {}
    models, mended = {name: empty(variant, classes) for name, variant in variants.items()}, cache(acts_from)
    for size, (name, model) in product(dict.fromkeys(sizes), models.items()):
        if faults := idle(model, size):
            found.setdefault((size, faults, mended(model)), []).append(name)
    return [f"{_listed(names)}: {_sentence(*fault)}" for fault, names in found.items()]


def empty(variant: "AnyVariant", classes: int) -> nn.Module:
    """A variant's network with weights that nobody drew: only its shapes are of use."""
    with _Undrawn():
        return build(variant.model_dump(), classes).eval()


def idle(model: nn.Module, size: Size) -> tuple[Convolution | Pooling, ...]:
    """What of `model` cannot act in full on an image of `size`, each kind once, in the order in which it is called."""
    found: list[Convolution | Pooling] = []

    def saw(part: str, layer: nn.Conv2d, inputs: tuple[Tensor, ...]) -> None:
        found.append(Convolution(part, tuple(inputs[0].shape[-2:]), layer.kernel_size, layer.dilation))

    handles = [
        layer.register_forward_pre_hook(partial(saw, _part(name)))
        for name, layer in model.named_modules()
        if isinstance(layer, nn.Conv2d)
    ]
    with torch.inference_mode(), _Pooled(found):
        model(torch.empty(0, 3, *size))
    for handle in handles:
        handle.remove()
    return tuple(dict.fromkeys(each for each in found if each.idle))


def acts_from(model: nn.Module) -> int | None:
    """The first of `SIDES` at which all of `model` acts on a square image; maps only grow with the image."""
    index = bisect_left(SIDES, True, key=lambda side: not idle(model, (side, side)))
    return SIDES[index] if index < len(SIDES) else None


class _Undrawn(TorchFunctionMode):
    """Leaves weights as they are when they should be drawn, which takes longest in building a network."""

    def __torch_function__(self, function: Any, types: Any, args: tuple = (), kwargs: Any = None) -> Any:
        if getattr(function, "__module__", "") == "torch.nn.init":
            return kwargs["tensor"]
        return function(*args, **(kwargs or {}))


class _Pooled(TorchFunctionMode):
    """Adds each adaptive pooling to `found`: most are called as functions, which no hook sees."""

    def __init__(self, found: list):
        super().__init__()
        self.found = found

    def __torch_function__(self, function: Any, types: Any, args: tuple = (), kwargs: Any = None) -> Any:
        if function is F.adaptive_avg_pool2d:
            x, bins = args
            self.found.append(Pooling(tuple(x.shape[-2:]), (bins, bins) if isinstance(bins, int) else tuple(bins)))
        return function(*args, **(kwargs or {}))


def _part(name: str) -> str:
    """Where a layer is, in words."""
    words = [word for word in name.split(".") if word not in ("structure", "backbone")]
    return f"`{words[2]}` of network {int(words[1]) + 1}" if words[0] == "networks" else f"`{words[0]}`"


def _sentence(size: Size, faults: tuple[Convolution | Pooling, ...], side: int | None) -> str:
    convolutions = sorted(each for each in faults if isinstance(each, Convolution))
    pooling = sorted(each for each in faults if isinstance(each, Pooling))
    said = "; ".join([*_convolutions(convolutions), *_pooling(pooling)])
    mended = f"all act in full from {side}x{side} on" if side else f"not all act even at {SIDES[-1]}x{SIDES[-1]}"
    return f"at {_x(size)}, {said}; {mended}"


def _convolutions(faults: list[Convolution]) -> list[str]:
    """A clause for each map: what its kernels, by their rates, are there, and in which parts of the network."""
    clauses: dict[tuple[Size, str], list[str]] = {}
    for (part, map_), here in groupby(faults, key=lambda each: each[:2]):
        kinds = groupby(sorted(here, key=_kind, reverse=True), key=_kind)
        acting = [f"{_x(kernel)} convolutions{_rates(same)} act as {_x(left)}" for (kernel, left), same in kinds]
        clauses.setdefault((map_, _listed(acting)), []).append(part)
    return [f"in {_listed(parts)} on a map of {_x(map_)}, {acting}" for (map_, acting), parts in clauses.items()]


def _kind(each: Convolution) -> tuple[Size, Size]:
    return each.kernel, each.left


def _rates(same: Iterable[Convolution]) -> str:
    """Their rates, unless all are 1."""
    rates = sorted({max(each.rate) for each in same})
    return "" if rates == [1] else f" of rate{'s' if len(rates) > 1 else ''} {_listed(map(str, rates))}"


def _pooling(faults: list[Pooling]) -> Iterator[str]:
    for (map_, lost), same in groupby(faults, key=lambda each: (each.map, each.lost)):
        bins = _listed(_x(each.bins) for each in same)
        yield f"pooling to {bins} bins does not reduce a map of {_x(map_)}{ALONG[lost]}"


def _x(size: Size) -> str:
    return f"{size[0]}x{size[1]}"


def _listed(words: Iterable[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last
