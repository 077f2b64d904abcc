"""Parameters and multiply-accumulates (MACs) of a variant, counted on the meta device from shapes alone.

MACs are counted in three ways, which may differ by at most 1 %. torch's flop counter watches operators; it counts a
multiplication and an addition as two FLOPs, so its count is halved. ptflops watches operators too, with its `aten`
backend (the default one counts activations and resizing twice). The closed form multiplies the shapes of
convolutions and linear layers as they are called.

As in the paper, no count includes batch norm (which folds into the preceding convolution), activations, additions,
pooling or resizing. Resizing is the largest of these: with four multiplications per value it would add 0.23 to the 3.40
GMACs of DFANet A at 1024x1024. torch and ptflops also count products of two features (attention over positions), which
the closed form cannot see. Biases are one addition per value: ptflops counts them, torch and the closed form do not.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import torch
from ptflops import get_model_complexity_info
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from models.build import build
from models.heads import deployed_parameters
from pipeline.complexity.architecture import describe
from pipeline.complexity.shapes import ShapesOnly
from pipeline.utils.errors import BadInput

if TYPE_CHECKING:
    from pipeline.config.protocols import Complexity
    from pipeline.config.variants import AnyVariant

TOLERANCE = 0.01
"""Largest relative difference between the counts."""

BYTES = 4
"""Size of a float32."""

Size = tuple[int, int]


def count(complexity: "Complexity", variant: "AnyVariant", classes: int, study_size: Size) -> dict[str, Any]:
    """Return the complexity of `variant` for one image of `study_size` and one of the paper's size (Tables 2 to 4).

    Parameters include the FC layer and its 1000 outputs. Megabytes are 10^6 bytes of float32. For a point of DFANet's
    space `architecture` describes its parts and flow at `study_size`, from which they are drawn. Raises `BadInput` if
    the counts disagree.
    """
    counted = _count(variant, classes, {"study": study_size, "paper": complexity.paper_size})
    if hasattr(variant, "structure"):
        counted["architecture"] = describe(variant, classes, study_size)
    return counted


def count_paper(claims: Iterable[tuple[str, Size, int]], variants: Mapping[str, "AnyVariant"]) -> dict[str, Any]:
    """Return the complexity of every claimed network; `claims` are (name of the variant, image size, classes).

    The keys of `at` are sizes such as "1024x1024". Raises `BadInput` if a claim names an unknown variant, or if two
    claims about a variant differ in the number of classes.
    """
    sizes: dict[str, dict[str, Size]] = {}
    classes: dict[str, int] = {}
    for name, size, number in claims:
        if name not in variants:
            raise BadInput(f'a claim names the variant "{name}", which is not in params.yaml; add it there')
        if classes.setdefault(name, number) != number:
            raise BadInput(
                f"claims give {name} both {classes[name]} and {number} classes; use one number of classes per variant"
            )
        sizes.setdefault(name, {})[f"{size[0]}x{size[1]}"] = size
    return {"variants": {name: _count(variants[name], classes[name], sizes[name]) for name in sizes}}


def _count(variant: "AnyVariant", classes: int, sizes: Mapping[str, Size]) -> dict[str, Any]:
    with torch.device("meta"):
        model = build(variant.network, classes).eval()
    parameters = deployed_parameters(model)
    return {
        "classes": classes,
        "parameters": parameters,
        "megabytes": parameters * BYTES / 1e6,
        "at": {name: count_at(model, size) for name, size in sizes.items()},
    }


def count_at(model: nn.Module, size: Size) -> dict[str, Any]:
    """Return the MACs of a model on the meta device for one RGB image of `size`: in total by each count, and by stage.

    Raises `BadInput` if the counts disagree.
    """
    image = torch.empty(1, 3, *size, device="meta")
    with ShapesOnly():
        with FlopCounterMode(display=False) as counter:
            closed_form = sum(count_layers(model, image).values())
        counted_by_ptflops = _ptflops(model, size)
    counts = {
        "macs": counter.get_total_flops() // 2,
        "ptflops_macs": counted_by_ptflops,
        "closed_form_macs": closed_form,
    }
    _agree(counts, size)
    return {"size": list(size), **counts, "stages": _stages(counter)}


def count_layers(model: nn.Module, *inputs: Any) -> dict[str, int]:
    """Return the MACs of each convolution and linear layer that `model(*inputs)` calls, from shapes alone.

    A convolution takes kernel size times input channels per group for every output value. A transposed convolution
    takes kernel size times output channels per group for every input value, and a linear layer its number of input
    features for every output value.
    """
    names = {layer: name for name, layer in model.named_modules() if isinstance(layer, tuple(MACS))}
    found = dict.fromkeys(names.values(), 0)

    def add(layer: nn.Module, arguments: tuple[Tensor, ...], output: Tensor) -> None:
        kind = next(kind for kind in MACS if isinstance(layer, kind))
        found[names[layer]] += MACS[kind](layer, arguments[0], output)

    handles = [layer.register_forward_hook(add) for layer in names]
    with torch.no_grad():
        model(*inputs)
    for handle in handles:
        handle.remove()
    return found


MACS: dict[type[nn.Module], Callable[[Any, Tensor, Tensor], int]] = {
    nn.Conv2d: lambda layer, x, y: y.numel() * layer.weight[0].numel(),
    nn.ConvTranspose2d: lambda layer, x, y: x.numel() * layer.weight[0].numel(),
    nn.Linear: lambda layer, x, y: y.numel() * layer.in_features,
}


def _ptflops(model: nn.Module, size: Size) -> int | None:
    """Return the MACs by ptflops, or None if it fails (it prints why)."""
    with torch.no_grad():
        macs, _ = get_model_complexity_info(
            model, (3, *size), print_per_layer_stat=False, as_strings=False, backend="aten"
        )
    return macs


def _agree(counts: Mapping[str, int | None], size: Size) -> None:
    macs = counts["macs"]
    if any(other is None or abs(other - macs) > TOLERANCE * macs for other in counts.values()):
        raise BadInput(
            f"at {size[0]}x{size[1]} torch counts {macs:,} MACs, ptflops {counts['ptflops_macs'] or 0:,} and the "
            f"closed form {counts['closed_form_macs']:,}, but they may differ by at most {TOLERANCE:.0%}; "
            "install the versions in requirements.lock, or find the operation that one of them does not count"
        )


def _stages(counter: FlopCounterMode) -> dict[str, int]:
    """Return the MACs of each stage of each network (`networks.N.conv1` to `.attention`), `context` and `decoder`.

    For a peer, return the MACs of each of its top-level modules.
    """
    stages = {}
    for module, operations in counter.get_flop_counts().items():
        parts = [part for part in module.split(".")[1:] if part not in ("structure", "backbone")]
        depth = 3 if parts[:1] == ["networks"] else 1
        if len(parts) == depth:
            stages[".".join(parts)] = sum(operations.values()) // 2
    return stages
