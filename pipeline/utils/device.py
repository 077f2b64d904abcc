"""Select and describe the device that torch computes on."""

import os
from typing import Any

import torch


def choose(threads: int) -> torch.device:
    """Return the first GPU, or the CPU if there is none, and set torch to use `threads` CPU threads.

    Results on the CPU are bit-identical from run to run.
    """
    torch.set_num_threads(threads)
    torch.backends.cudnn.benchmark = False
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def describe(device: torch.device) -> dict[str, Any]:
    """Return the device, thread count and precision that are recorded with every result."""
    if device.type == "cpu":
        return {"device": "cpu", "threads": torch.get_num_threads(), "precision": "float32"}
    return {
        "device": torch.cuda.get_device_name(device),
        "threads": torch.get_num_threads(),
        "precision": "mixed float16",
    }


def half_precision(device: torch.device) -> torch.autocast:
    """Return a context that computes in mixed float16 precision on CUDA and in float32 on the CPU."""
    return torch.autocast(device.type, dtype=torch.float16, enabled=device.type == "cuda")


def loading(device: torch.device) -> dict[str, Any]:
    """Return the DataLoader options for `device`: worker processes for a GPU, none for the CPU."""
    workers = min(8, os.cpu_count() or 1) if device.type == "cuda" else 0
    return {"num_workers": workers, "pin_memory": device.type == "cuda"}
