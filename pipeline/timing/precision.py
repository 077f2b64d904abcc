"""How float32 tensors are multiplied: exactly, or on a GPU in TF32, which keeps 10 of 23 bits of the mantissa."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


def ieee() -> None:
    """Multiply float32 tensors exactly."""
    _set("ieee")


@contextmanager
def tf32() -> Iterator[None]:
    """Multiply float32 tensors in TF32 inside this context, and exactly after it."""
    _set("tf32")
    try:
        yield
    finally:
        ieee()


def _set(precision: str) -> None:
    torch.backends.cudnn.allow_tf32 = precision == "tf32"  # torch.export requires this older switch to agree
    torch.backends.fp32_precision = precision
