"""What machine a timing was taken on, and what else it did meanwhile. Never its name."""

import platform
from pathlib import Path
from typing import Any

import psutil
import pynvml
import torch

_PROCESS = psutil.Process()
_PROCESS.cpu_percent(), psutil.cpu_percent()  # psutil measures from one call to the next


def describe(device: torch.device) -> dict[str, Any]:
    """What does not change while a device is timed; never the host's name."""
    versions = {"python": platform.python_version(), "torch": torch.__version__}
    common = {"cpu": _cpu_name(), "threads": torch.get_num_threads(), "cores": psutil.cpu_count(), "versions": versions}
    if device.type == "cpu":
        return {"name": common["cpu"], "driver": None, **common}
    versions |= {"cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version()}
    return {"name": torch.cuda.get_device_name(device), "driver": _driver(device).get("driver"), **common}


def state(device: torch.device) -> dict[str, Any]:
    """Clocks, load average, and the share of all cores that other processes took since the last call (or import)."""
    frequency, own = psutil.cpu_freq(), _PROCESS.cpu_percent() / psutil.cpu_count()
    return {
        "cpu_mhz": frequency.current if frequency else None,
        "load_average": list(psutil.getloadavg()),
        "others_cpu": max(0.0, psutil.cpu_percent() - own) / 100,
        **(_driver(device) if device.type == "cuda" else {}),
    }


def _driver(device: torch.device) -> dict[str, Any]:
    """What the driver says of a GPU; found by UUID, since CUDA_VISIBLE_DEVICES renumbers torch's GPUs only."""
    try:
        pynvml.nvmlInit()
        gpu = pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{torch.cuda.get_device_properties(device).uuid}")
        return {
            "driver": pynvml.nvmlSystemGetDriverVersion(),
            "gpu_mhz": pynvml.nvmlDeviceGetClockInfo(gpu, pynvml.NVML_CLOCK_SM),
            "memory_mhz": pynvml.nvmlDeviceGetClockInfo(gpu, pynvml.NVML_CLOCK_MEM),
            "celsius": pynvml.nvmlDeviceGetTemperature(gpu, pynvml.NVML_TEMPERATURE_GPU),
            "throttle_reasons": hex(pynvml.nvmlDeviceGetCurrentClocksThrottleReasons(gpu)),
        }
    except pynvml.NVMLError as error:
        return {"unavailable": str(error)}


def _cpu_name() -> str:
    listing = Path("/proc/cpuinfo")
    lines = listing.read_text().splitlines() if listing.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
