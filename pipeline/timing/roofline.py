"""The roofline model (Williams et al. 2009): a lower limit on latency from a network's MACs and bytes on this machine.

A pass lasts at least as long as the slower of its multiply-accumulates (MACs) and its memory traffic takes at the
machine's measured rates. Both are counted for each operation that eager mode runs:

- MACs are counted as in pipeline/complexity/macs.py: convolutions and matrix products.
- Bytes are the sizes of all tensors that an operation reads or writes, weights included. Batch norm, activations,
  additions, concatenation, pooling and resizing move bytes, though they count no MACs. Views move none. A pass can be
  faster than its limit, because caches and fused kernels avoid traffic between operations.

The rates are measured with a large copy (bytes read and written) and a large matrix product, on the same device, with
the same number of threads and the same data type.
"""

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from models.build import build
from pipeline.timing.precision import tf32

COPIED = {"cpu": 2**28, "cuda": 2**30}
"""Bytes of the copy's source, many times the size of the caches."""
MATMUL_SIDE = {"cpu": 1024, "cuda": 8192}
"""Rows and columns of the square matrices that are multiplied."""


Run = Callable[[], object]
"""A function to be timed."""


class Operation(NamedTuple):
    """MACs of one operation, and the bytes that it reads and writes."""

    macs: int
    bytes: int


class Ceiling(NamedTuple):
    """Measures one of the machine's rates: `run` does `work` bytes of `kind` copy or `work` MACs of `kind` product.

    `arithmetic` is the data type, or "tf32", which float32 tensors are multiplied in if torch is told so.
    """

    kind: str
    arithmetic: str
    work: int
    run: Run


class Rates(NamedTuple):
    """Bytes per second and MACs per second."""

    bandwidth: float
    macs: float


def ceilings(device: torch.device, arithmetics: list[str]) -> list[Ceiling]:
    """Return a large copy, and a large matrix product in each arithmetic."""
    source = torch.ones(COPIED[device.type], dtype=torch.uint8, device=device)
    copy = partial(torch.empty_like(source).copy_, source)
    found = [Ceiling("copy", "uint8", 2 * source.nbytes, copy)]
    for arithmetic in arithmetics:
        side, dtype = MATMUL_SIDE[device.type], getattr(torch, arithmetic, torch.float32)
        # Random numbers, because a GPU draws less power for equal ones and then keeps a higher clock.
        left, right = (torch.rand(side, side, device=device).to(dtype) for _ in range(2))
        multiply = partial(torch.mm, left, right, out=torch.empty(side, side, dtype=dtype, device=device))
        run = tf32()(multiply) if arithmetic == "tf32" else multiply
        found.append(Ceiling("product", arithmetic, side**3, run))
    return found


def operations(
    variant: Mapping[str, Any], classes: int, size: tuple[int, int], dtype: torch.dtype = torch.float32
) -> list[Operation]:
    """Return the operations of one pass of a variant over one image of `size`; the meta device computes nothing."""
    # In inference mode, a dispatch mode sees convolutions under names for which torch's registry counts no MACs.
    with torch.inference_mode(False), torch.no_grad(), torch.device("meta"):
        return counted(build(variant, classes).eval().to(dtype), torch.empty(1, 3, *size, dtype=dtype))


def counted(model: nn.Module, image: Tensor) -> list[Operation]:
    """Return the operations of one pass of `model`, in order."""
    with _Counter() as counter:
        model(image)
    return counter.operations


class _Counter(TorchDispatchMode):
    """Records the MACs and bytes of every operation that runs a kernel."""

    def __init__(self) -> None:
        super().__init__()
        self.operations: list[Operation] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        if not func.is_view:
            self.operations.append(
                Operation(_macs(func, args, kwargs, out), sum(map(_bytes, tree_leaves((args, kwargs, out)))))
            )
        return out


def _macs(func: Any, args: Any, kwargs: Any, out: Any) -> int:
    """MACs of an operation by torch's registry, which takes the backward pass of a grouped convolution for a dense one.

    The gradients of a convolution's input and of its weights take as many as the convolution itself.
    """
    if func is torch.ops.aten.convolution_backward.default:
        scores, features, weight, transposed, wanted = args[0], args[1], args[2], args[7], args[10]
        return sum(wanted[:2]) * (features if transposed else scores).numel() * weight[0].numel()
    flops = flop_registry.get(func.overloadpacket)
    return flops(*args, **kwargs, out_val=out) // 2 if flops else 0


def _bytes(value: Any) -> int:
    return value.numel() * value.element_size() if isinstance(value, Tensor) else 0


def limits(operations: list[Operation], rates: Rates) -> dict[str, Any]:
    """Return total MACs and bytes, and the least time in milliseconds that they take at `rates`.

    `limit_ms` assumes that all arithmetic overlaps with all traffic. Eager mode finishes each operation before the
    next, so `limit_by_operation_ms` is a higher limit: the sum over operations of the slower of the two.
    """
    macs, moved = (sum(each) for each in zip(*operations, strict=True))
    by_operation = math.fsum(max(each.macs / rates.macs, each.bytes / rates.bandwidth) for each in operations)
    return {
        "macs": macs,
        "bytes": moved,
        "arithmetic_ms": 1e3 * macs / rates.macs,
        "traffic_ms": 1e3 * moved / rates.bandwidth,
        "limit_ms": 1e3 * max(macs / rates.macs, moved / rates.bandwidth),
        "limit_by_operation_ms": 1e3 * by_operation,
    }
