"""The roofline (Williams et al. 2009): how fast a network could be on this machine, from its MACs and its bytes.

A pass does some multiply-accumulates and moves some bytes; it lasts at least as long as the slower of the two takes at
the machine's measured rates. What is counted, operation by operation as eager mode runs them:

- MACs as in pipeline/complexity/macs.py: convolutions and matrix products.
- Bytes: every tensor that an operation reads or writes, weights included, once an operation, at its element size.
  Batch norm, activations, additions, concatenation, pooling and resizing move bytes though they count as no MACs. Views
  move none. Caches may do better (an operation finds there what the one before it wrote), and fused kernels do: a
  pass can be faster than its limit.

The rates are those of a large copy, read and written bytes, and of a large matrix product: same device, threads, type.
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

COPIED = {"cpu": 2**28, "cuda": 2**30}
"""Bytes of the copy's source: many times what the caches hold."""
MATMUL_SIDE = {"cpu": 1024, "cuda": 8192}
"""Rows and columns of the square matrices that are multiplied."""


Run = Callable[[], object]
"""What is timed."""


class Operation(NamedTuple):
    macs: int
    bytes: int


class Ceiling(NamedTuple):
    """A measurement of one of the machine's rates: `run` does `work` (bytes or MACs) of `kind`."""

    kind: str
    dtype: torch.dtype
    work: int
    run: Run


class Rates(NamedTuple):
    """Bytes and MACs a second."""

    bandwidth: float
    macs: float


def ceilings(device: torch.device, dtypes: list[torch.dtype]) -> list[Ceiling]:
    """A large copy, and a large matrix product in each type."""
    source = torch.ones(COPIED[device.type], dtype=torch.uint8, device=device)
    copy = partial(torch.empty_like(source).copy_, source)
    found = [Ceiling("copy", torch.uint8, 2 * source.nbytes, copy)]
    for dtype in dtypes:
        side = MATMUL_SIDE[device.type]
        left, right, product = (torch.ones(side, side, dtype=dtype, device=device) for _ in range(3))
        found.append(Ceiling("product", dtype, side**3, partial(torch.mm, left, right, out=product)))
    return found


def operations(
    variant: Mapping[str, Any], classes: int, size: tuple[int, int], dtype: torch.dtype = torch.float32
) -> list[Operation]:
    """What one pass of a variant over one image of `size` does; on the meta device, so nothing is computed."""
    # In inference mode a dispatch mode meets convolutions before they are taken apart, under names that count no MACs.
    with torch.inference_mode(False), torch.no_grad(), torch.device("meta"):
        return counted(build(variant, classes).eval().to(dtype), torch.empty(1, 3, *size, dtype=dtype))


def counted(model: nn.Module, image: Tensor) -> list[Operation]:
    """What one pass of a model does, operation by operation."""
    with _Counter() as counter:
        model(image)
    return counter.operations


class _Counter(TorchDispatchMode):
    """Sees every operation that reaches a kernel."""

    def __init__(self) -> None:
        super().__init__()
        self.operations: list[Operation] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        if not func.is_view:
            flops = flop_registry.get(func.overloadpacket)
            macs = flops(*args, **kwargs, out_val=out) // 2 if flops else 0
            self.operations.append(Operation(macs, sum(map(_bytes, tree_leaves((args, kwargs, out))))))
        return out


def _bytes(value: Any) -> int:
    return value.numel() * value.element_size() if isinstance(value, Tensor) else 0


def limits(operations: list[Operation], rates: Rates) -> dict[str, Any]:
    """MACs, bytes, and the least milliseconds that they take at `rates`: as a whole, and operation by operation.

    The whole could overlap all arithmetic with all traffic; eager mode waits for each operation before the next, so
    the sum over operations of the slower of the two is its own, higher limit.
    """
    macs, moved = (sum(each) for each in zip(*operations, strict=True))
    apart = math.fsum(max(each.macs / rates.macs, each.bytes / rates.bandwidth) for each in operations)
    return {
        "macs": macs,
        "bytes": moved,
        "arithmetic_ms": 1e3 * macs / rates.macs,
        "traffic_ms": 1e3 * moved / rates.bandwidth,
        "limit_ms": 1e3 * max(macs / rates.macs, moved / rates.bandwidth),
        "limit_by_operation_ms": 1e3 * apart,
    }
