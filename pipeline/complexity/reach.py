"""Layers that cannot fully act at an image size: kernels that reach only padding, and pooling that reduces nothing.

If a convolution's rate is at least a side of its feature map, only its centre taps along that side are inside the map.
On a map of one row a 3x3 kernel acts as 1x3; in ASPP at stride 16, rates 12 and 18 act as 1x1 until the image has about
300 rows. Feature maps are measured with an empty batch, so this works for every variant and peer, needs no arithmetic
and, unlike the meta device, avoids importing torch's symbolic shapes, which takes seconds.
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
"""Sides of square images that are searched for the first without faults, over the range that params.yaml allows."""

DIMENSION = {(True, False): "the height of ", (False, True): "the width of ", (True, True): ""}


class Convolution(NamedTuple):
    """A convolution in a part of the network on a feature map. All sizes are (vertical, horizontal)."""

    part: str
    map: Size
    kernel: Size
    rate: Size

    @property
    def left(self) -> Size:
        """The size of the kernel without the taps that only reach padding."""
        return tuple(1 if r >= side else k for k, r, side in zip(self.kernel, self.rate, self.map, strict=True))

    @property
    def idle(self) -> bool:
        return self.left != self.kernel


class Pooling(NamedTuple):
    """Adaptive pooling of a feature map to a number of bins; pooling to one bin is global and never a fault."""

    map: Size
    bins: Size

    @property
    def lost(self) -> tuple[bool, bool]:
        """Whether pooling leaves the height and the width of the map unreduced."""
        return tuple(bins >= max(2, side) for bins, side in zip(self.bins, self.map, strict=True))

    @property
    def idle(self) -> bool:
        return any(self.lost)


def warnings(variants: dict[str, "AnyVariant"], classes: int, sizes: Iterable[Size]) -> list[str]:
    """Return one sentence per image size and set of faults, with the variants affected and the size that avoids it."""
    found: dict[tuple, list[str]] = {}
    models, sufficient = {name: empty(variant, classes) for name, variant in variants.items()}, cache(acts_from)
    for size, (name, model) in product(dict.fromkeys(sizes), models.items()):
        if faults := idle(model, size):
            found.setdefault((size, faults, sufficient(model)), []).append(name)
    return [f"{_listed(names)}: {_sentence(*fault)}" for fault, names in found.items()]


def empty(variant: "AnyVariant", classes: int) -> nn.Module:
    """Build a variant's network without initialising its weights, since only shapes are needed."""
    with _Uninitialised():
        return build(variant.network, classes).eval()


def idle(model: nn.Module, size: Size) -> tuple[Convolution | Pooling, ...]:
    """Return the distinct layers of `model` that cannot fully act on an image of `size`, in the order of calls."""
    found: list[Convolution | Pooling] = []

    def record(part: str, layer: nn.Conv2d, inputs: tuple[Tensor, ...]) -> None:
        found.append(Convolution(part, tuple(inputs[0].shape[-2:]), layer.kernel_size, layer.dilation))

    handles = [
        layer.register_forward_pre_hook(partial(record, _part(name)))
        for name, layer in model.named_modules()
        if isinstance(layer, nn.Conv2d)
    ]
    with torch.inference_mode(), _Pooled(found):
        model(torch.empty(0, 3, *size))
    for handle in handles:
        handle.remove()
    return tuple(dict.fromkeys(each for each in found if each.idle))


def acts_from(model: nn.Module) -> int | None:
    """Return the smallest of `SIDES` at which all layers of `model` fully act on a square image, or None.

    A bisection finds it, because feature maps only grow with the image.
    """
    index = bisect_left(SIDES, True, key=lambda side: not idle(model, (side, side)))
    return SIDES[index] if index < len(SIDES) else None


class _Uninitialised(TorchFunctionMode):
    """Skips the initialisation of weights, which takes most of the time of building a network."""

    def __torch_function__(self, function: Any, types: Any, args: tuple = (), kwargs: Any = None) -> Any:
        if getattr(function, "__module__", "") == "torch.nn.init":
            return kwargs["tensor"]
        return function(*args, **(kwargs or {}))


class _Pooled(TorchFunctionMode):
    """Adds each adaptive pooling to `found`; most are function calls, which module hooks do not see."""

    def __init__(self, found: list):
        super().__init__()
        self.found = found

    def __torch_function__(self, function: Any, types: Any, args: tuple = (), kwargs: Any = None) -> Any:
        if function is F.adaptive_avg_pool2d:
            x, bins = args
            self.found.append(Pooling(tuple(x.shape[-2:]), (bins, bins) if isinstance(bins, int) else tuple(bins)))
        return function(*args, **(kwargs or {}))


def _part(name: str) -> str:
    """Return the part of the network that a layer belongs to, in words."""
    words = [word for word in name.split(".") if word not in ("structure", "backbone")]
    return f"`{words[2]}` of network {int(words[1]) + 1}" if words[0] == "networks" else f"`{words[0]}`"


def _sentence(size: Size, faults: tuple[Convolution | Pooling, ...], side: int | None) -> str:
    convolutions = sorted(each for each in faults if isinstance(each, Convolution))
    pooling = sorted(each for each in faults if isinstance(each, Pooling))
    effects = "; ".join([*_convolutions(convolutions), *_pooling(pooling)])
    largest = SIDES[-1]
    remedy = f"images of at least {side}x{side} avoid" if side else f"even images of {largest}x{largest} do not avoid"
    return f"at {_x(size)}, {effects}; {remedy} this"


def _convolutions(faults: list[Convolution]) -> list[str]:
    """Return one clause per feature map: its parts of the network, and the effective kernels by rate."""
    clauses: dict[tuple[Size, str], list[str]] = {}
    for (part, map_), here in groupby(faults, key=lambda each: each[:2]):
        kinds = groupby(sorted(here, key=_kind, reverse=True), key=_kind)
        acting = [f"{_x(kernel)} convolutions{_rates(same)} act as {_x(left)}" for (kernel, left), same in kinds]
        clauses.setdefault((map_, _listed(acting)), []).append(part)
    return [
        f"in {_listed(parts)} on a feature map of {_x(map_)}, {acting}" for (map_, acting), parts in clauses.items()
    ]


def _kind(each: Convolution) -> tuple[Size, Size]:
    return each.kernel, each.left


def _rates(same: Iterable[Convolution]) -> str:
    """Return the rates in words, or an empty string if all are 1."""
    rates = sorted({max(each.rate) for each in same})
    return "" if rates == [1] else f" of rate{'s' if len(rates) > 1 else ''} {_listed(map(str, rates))}"


def _pooling(faults: list[Pooling]) -> Iterator[str]:
    for (map_, lost), same in groupby(faults, key=lambda each: (each.map, each.lost)):
        bins = _listed(_x(each.bins) for each in same)
        yield f"pooling to {bins} bins does not reduce {DIMENSION[lost]}a feature map of {_x(map_)}"


def _x(size: Size) -> str:
    return f"{size[0]}x{size[1]}"


def _listed(words: Iterable[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last
