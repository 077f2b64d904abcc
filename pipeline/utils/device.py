"""Select and describe the device that torch computes on, and the precision that it computes in."""

import contextlib
import ctypes
import functools
from collections.abc import Iterator
from typing import Any

import torch

from pipeline.utils.parallel import cpus

LOADERS = 16
"""Most processes that load frames for one GPU."""
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Parameters of glibc's `mallopt`."""


def choose(threads: int) -> torch.device:
    """Return the first GPU, or the CPU if there is none, and set torch to use `threads` CPU threads.

    Results on the CPU are bit-identical from run to run. Those on a GPU are repeatable within noise: the backward pass
    of bilinear resizing and the loss over pixels add in an order that differs from run to run.
    """
    torch.set_num_threads(threads)
    # Trials of cuDNN's kernels cost DFANet A half a minute at each start, and chose no faster ones on an H200.
    torch.backends.cudnn.benchmark = False
    _keep_memory()
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@functools.cache
def _keep_memory() -> None:
    """Let the C library keep freed memory. By default it returns large blocks, so each step maps its tensors again."""
    with contextlib.suppress(AttributeError, OSError):  # not glibc
        library = ctypes.CDLL("libc.so.6")
        library.mallopt(M_MMAP_THRESHOLD, 2**30)
        library.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


def describe(device: torch.device, precision: str = "float32") -> dict[str, Any]:
    """Return the device, thread count and precision that are recorded with every result; for a GPU also its noise.

    `precision` is that of a recipe (see `autocast`). On a GPU, float32 alone does not say what convolutions compute in.
    """
    on_gpu = device.type == "cuda"
    used = precision if precision == "float32" else f"mixed {precision}"
    if on_gpu and precision == "float32" and torch.backends.cudnn.conv.fp32_precision == "tf32":
        used = "float32, convolutions in TF32"
    return {
        "device": torch.cuda.get_device_name(device) if on_gpu else "cpu",
        "threads": torch.get_num_threads(),
        "precision": used,
        **({"repeatable": "within noise"} if on_gpu else {}),
    }


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """Return a context that computes in float32, or in mixed `precision` (float16 or bfloat16), on any device."""
    half = precision != "float32"
    return torch.autocast(device.type, dtype=getattr(torch, precision) if half else None, enabled=half)


@contextlib.contextmanager
def side_stream() -> Iterator[None]:
    """Run what is inside on another CUDA stream, in order with the current one, as a warm-up before a capture must."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        yield
    torch.cuda.current_stream().wait_stream(side)


def loading(device: torch.device, processes: int = 1) -> dict[str, Any]:
    """Return the DataLoader options for `device`: on a GPU a worker for each CPU but one, at most `LOADERS`, else none.

    The CPUs are shared by `processes`, of one GPU each. On a CPU, workers would only take the time of the network.
    """
    workers = max(1, min(LOADERS, cpus() // processes - 1)) if device.type == "cuda" else 0
    return {"num_workers": workers, "pin_memory": device.type == "cuda"}
