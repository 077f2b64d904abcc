"""Where torch computes, and how it is set up there."""

import os
from typing import Any

import torch


def choose(threads: int) -> torch.device:
    """The first GPU, or the CPU with `threads` threads; the same numbers every time on the CPU."""
    torch.set_num_threads(threads)
    torch.backends.cudnn.benchmark = False
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def describe(device: torch.device) -> dict[str, Any]:
    """What a result must say of the device it was made on."""
    if device.type == "cpu":
        return {"device": "cpu", "threads": torch.get_num_threads(), "precision": "float32"}
    return {
        "device": torch.cuda.get_device_name(device),
        "threads": torch.get_num_threads(),
        "precision": "mixed float16",
    }


def half_precision(device: torch.device) -> torch.autocast:
    """Mixed precision on CUDA; float32, untouched, on the CPU."""
    return torch.autocast(device.type, dtype=torch.float16, enabled=device.type == "cuda")


def loading(device: torch.device) -> dict[str, Any]:
    """How a DataLoader feeds this device: beside the GPU by processes of their own, on the CPU in between."""
    workers = min(8, os.cpu_count() or 1) if device.type == "cuda" else 0
    return {"num_workers": workers, "pin_memory": device.type == "cuda"}
