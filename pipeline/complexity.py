"""Parameters and multiply-accumulates (MACs) of a variant, counted on the meta device: shapes only, no arithmetic.

torch's flop counter counts a multiplication and an addition as two, so its FLOPs are halved; ptflops, on its `aten`
backend (the default one counts activations and resizing twice), is the second opinion. Both count convolutions and
matrix products and nothing else: batch norm (which folds into the convolution before it), activations, additions,
pooling and resizing are left out, as in the paper. Of these resizing weighs most: at four multiplications a value it
would add 0.23 to the 3.29 GMACs of DFANet A at 1024x1024. Biases are one addition a value; ptflops counts them, torch
does not, and that is all they differ by.
"""

from typing import TYPE_CHECKING, Any

import torch
from ptflops import get_model_complexity_info
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from models.build import build
from pipeline.errors import BadInput

if TYPE_CHECKING:
    from pipeline.params import Complexity, Variant

TOLERANCE = 0.01
"""Share by which the two counters may differ."""

BYTES = 4
"""Of a float32."""


def count(complexity: "Complexity", variant: "Variant", classes: int, study_size: tuple[int, int]) -> dict[str, Any]:
    """Complexity of `variant` for one image of `study_size` and one of the paper's (Tables 2 to 4).

    Parameters include the FC layer and its 1000 outputs. Megabytes are 10^6 bytes of float32. `BadInput` if the two
    counters disagree.
    """
    with torch.device("meta"):
        model = build(variant.model_dump(), classes).eval()
    parameters = sum(parameter.numel() for parameter in model.parameters())
    sizes = {"study": study_size, "paper": complexity.paper_size}
    return {
        "classes": classes,
        "parameters": parameters,
        "megabytes": parameters * BYTES / 1e6,
        "at": {place: count_at(model, size) for place, size in sizes.items()},
    }


def count_at(model: nn.Module, size: tuple[int, int]) -> dict[str, Any]:
    """MACs of a model on the meta device for one RGB image of `size`, by stage and in all, by both counters."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(torch.empty(1, 3, *size, device="meta"))
    macs = counter.get_total_flops() // 2
    second = _ptflops(model, size)
    _agree(macs, second, size)
    return {"size": list(size), "macs": macs, "stages": _stages(counter), "ptflops_macs": second}


def _ptflops(model: nn.Module, size: tuple[int, int]) -> int | None:
    """MACs by ptflops; None where it gives up (it prints why)."""
    with torch.no_grad():
        macs, _ = get_model_complexity_info(
            model, (3, *size), print_per_layer_stat=False, as_strings=False, backend="aten"
        )
    return macs


def _agree(macs: int, second: int | None, size: tuple[int, int]) -> None:
    if second is None or abs(second - macs) > TOLERANCE * macs:
        raise BadInput(
            f"at {size[0]}x{size[1]} torch counts {macs:,} MACs and ptflops {second or 0:,}, "
            f"but they may differ by {TOLERANCE:.0%} at most; "
            "install the versions of requirements.lock, or find the operation that one of them does not know"
        )


def _stages(counter: FlopCounterMode) -> dict[str, int]:
    """MACs of `networks.N.conv1` … `.attention`, of what else a structure has (`context`), and of the `decoder`."""
    stages = {}
    for module, operations in counter.get_flop_counts().items():
        parts = [part for part in module.split(".")[1:] if part not in ("structure", "backbone")]
        depth = 3 if parts[:1] == ["networks"] else 1
        if len(parts) == depth:
            stages[".".join(parts)] = sum(operations.values()) // 2
    return stages
