"""The machine on which latency was measured, and its load at the time. The host name is never recorded."""

import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pynvml
import torch

_PROCESS = psutil.Process()
_PROCESS.cpu_percent(), psutil.cpu_percent()  # psutil reports the use since the previous call


def describe(device: torch.device) -> dict[str, Any]:
    """Return what does not change during timing: the names of CPU and device, threads, cores and versions."""
    versions = {"python": platform.python_version(), "torch": torch.__version__}
    common = {"cpu": _cpu_name(), "threads": torch.get_num_threads(), "cores": psutil.cpu_count(), "versions": versions}
    if device.type == "cpu":
        return {"name": common["cpu"], "driver": None, **common}
    versions |= {"cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version()}
    return {"name": torch.cuda.get_device_name(device), "driver": _driver(device).get("driver"), **common}


def state(device: torch.device) -> dict[str, Any]:
    """Return clocks, load average, and the share of all cores used by other processes since the last call or import."""
    frequency, own = psutil.cpu_freq(), _PROCESS.cpu_percent() / psutil.cpu_count()
    return {
        "cpu_mhz": frequency.current if frequency else None,
        "load_average": list(psutil.getloadavg()),
        "others_cpu": max(0.0, psutil.cpu_percent() - own) / 100,
        **(_driver(device) if device.type == "cuda" else {}),
    }


def _driver(device: torch.device) -> dict[str, Any]:
    """Query the driver for the GPU with the UUID of `device`: CUDA_VISIBLE_DEVICES renumbers torch's GPUs only."""
    try:
        pynvml.nvmlInit()
        gpu = pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{torch.cuda.get_device_properties(device).uuid}")
        return {
            "driver": pynvml.nvmlSystemGetDriverVersion(),
            **{name: _answer(gpu, ask) for name, ask in _GPU.items()},
        }
    except pynvml.NVMLError as error:
        return {"unavailable": str(error)}


_GPU: dict[str, Callable[[Any], Any]] = {
    "gpu_mhz": lambda gpu: pynvml.nvmlDeviceGetClockInfo(gpu, pynvml.NVML_CLOCK_SM),
    "memory_mhz": lambda gpu: pynvml.nvmlDeviceGetClockInfo(gpu, pynvml.NVML_CLOCK_MEM),
    "watts": lambda gpu: pynvml.nvmlDeviceGetPowerUsage(gpu) / 1000,
    "power_state": lambda gpu: f"P{pynvml.nvmlDeviceGetPerformanceState(gpu)}",
    "processes": lambda gpu: len(pynvml.nvmlDeviceGetComputeRunningProcesses(gpu)),
    "celsius": lambda gpu: pynvml.nvmlDeviceGetTemperature(gpu, pynvml.NVML_TEMPERATURE_GPU),
    "throttle_reasons": lambda gpu: hex(pynvml.nvmlDeviceGetCurrentClocksThrottleReasons(gpu)),
}
"""What a driver is asked about a GPU."""


def _answer(gpu: Any, ask: Callable[[Any], Any]) -> Any:
    """The driver's answer; None if this GPU or this container does not give it."""
    try:
        return ask(gpu)
    except pynvml.NVMLError:
        return None


def _cpu_name() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
