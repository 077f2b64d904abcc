"""Latency of the study's variants on this machine, by one protocol:

- One image (batch 1), evaluation and inference mode, from the image on the device to class scores at its size: no
  reading, copying or argmax. Weights do not matter and are drawn from a seed.
- All rows, a variant in a mode, are timed in one process, interleaved: each has a turn a round, in an order drawn anew
  for every round, so that drifting clocks or load hit all alike. A turn is `warmup` passes, then `samples` timed ones,
  each alone on an idle device.
- A GPU is timed by CUDA events around a pass: gaps in which it waits for Python count, and a CUDA graph has none. TF32
  is off, and cuDNN picks its algorithms by trial beforehand. Each of its modes is a row. The CPU is timed by
  `time.perf_counter_ns`, has one mode, float32 in channels_last, and its rows say `cpu`.
- Percentiles are numpy's, linear between the sorted samples of all rounds; of 100 samples or fewer, p99 lies between
  the two slowest. FPS is 1000 / median in ms.
- The machine's copy bandwidth and matrix rate have turns in the same rounds: a row's limit (roofline.py) is of the
  clocks and the load that the row met.
- Drift is the share by which the median of the last half of the rounds differs from that of the first half (the middle
  one of an odd number is in neither); a row is stable if its drift is at most `stability`.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from pipeline.timing import machine, modes, roofline
from pipeline.timing.modes import Mode, Pass
from pipeline.timing.roofline import Ceiling, Operation, Rates, Run
from pipeline.utils import device as devices
from pipeline.utils.progress import progress

if TYPE_CHECKING:
    from pipeline.config.protocols import Latency
    from pipeline.config.variants import Variant


Size = tuple[int, int]
"""Rows and columns."""


class Row(NamedTuple):
    """What is timed: a pass, whose it is, what it is made of, and what else its figures are to say."""

    variant: str
    mode: Mode
    run: Pass
    operations: list[Operation]
    size: Size
    notes: dict[str, Any] = {}


def time_variants(
    latency: "Latency", variants: dict[str, "Variant"], classes: int, sizes: dict[str, Size]
) -> dict[str, Any]:
    """Time every variant in every mode of this machine's device, each for an image of its size, as the module says."""
    device, rows, largest = choose(latency), [], most_pixels(sizes)
    sizes = {name: fitting(size, latency, device, largest) for name, size in sizes.items()}
    chosen = modes.GPU_MODES if device.type == "cuda" else modes.CPU_MODES
    with torch.inference_mode():
        for name, variant in variants.items():
            for mode in chosen:
                run = modes.prepare(*modes.untrained(variant, classes, sizes[name], device), mode)
                done = roofline.operations(variant.model_dump(), classes, sizes[name], mode.dtype)
                rows.append(Row(name, mode, run, done, sizes[name]))
        return time_rows(latency, rows, device)


def most_pixels(sizes: dict[str, Size]) -> int:
    """Of the largest of the images that variants are timed with."""
    return max(rows * columns for rows, columns in sizes.values())


def fitting(size: Size, latency: "Latency", device: torch.device, largest: int = 0) -> Size:
    """The size that is timed: on a CPU one of more than `cpu_pixels` is scaled down, to sides that divide by 32.

    `largest` is the most pixels among the images that are compared: all are scaled alike.
    """
    rows, columns = size
    pixels = max(largest, rows * columns)
    if device.type != "cpu" or pixels <= latency.cpu_pixels:
        return size
    scale = (latency.cpu_pixels / pixels) ** 0.5 / 32
    return 32 * max(2, round(rows * scale)), 32 * max(2, round(columns * scale))


def choose(latency: "Latency") -> torch.device:
    """This machine's device, with torch set up as the module says."""
    device = devices.choose(latency.threads)
    torch.backends.cudnn.allow_tf32 = False  # the older of the two switches: torch.export wants both to say the same
    torch.backends.fp32_precision = "ieee"
    torch.backends.cudnn.benchmark = device.type == "cuda"
    return device


def time_rows(latency: "Latency", rows: list[Row], device: torch.device) -> dict[str, Any]:
    """Time `rows` and the machine's ceilings, all in the same rounds: the stage's whole result."""
    ceilings = roofline.ceilings(device, list(dict.fromkeys(row.mode.dtype for row in rows)))
    passes = [row.run for row in rows] + [each.run for each in ceilings]
    before = machine.state(device)
    samples = measure(passes, orders(len(passes), latency), latency, on_gpu if device.type == "cuda" else on_cpu)
    after = machine.state(device)
    found = [reached(each, taken) for each, taken in zip(ceilings, samples[len(rows) :], strict=True)]
    return {
        "device": {**machine.describe(device), "clocks": {"before": before, "after": after}},
        "protocol": {**latency.model_dump(), **settings(device)},
        "size": list(rows[0].size),
        "batch": 1,
        "ceilings": found,
        "rows": [_figures(row, taken, found, latency, device) for row, taken in zip(rows, samples, strict=False)],
    }


def reached(ceiling: Ceiling, samples: list[list[float]]) -> dict[str, Any]:
    """A ceiling's rate, in bytes or MACs a second, by the median of its samples (milliseconds, by round)."""
    rate = 1e3 * ceiling.work / float(np.median(samples))
    dtype = str(ceiling.dtype).removeprefix("torch.")
    return {"kind": ceiling.kind, "dtype": dtype, "work": ceiling.work, "per_second": rate, "samples_ms": samples}


def _figures(
    row: Row, samples: list[list[float]], ceilings: list[dict[str, Any]], latency: "Latency", device: torch.device
) -> dict[str, Any]:
    dtype, layout = (str(each).removeprefix("torch.") for each in (row.mode.dtype, row.mode.layout))
    bandwidth = next(each["per_second"] for each in ceilings if each["kind"] == "copy")
    rate = next(each["per_second"] for each in ceilings if each["kind"] == "product" and each["dtype"] == dtype)
    label = "cpu" if device.type == "cpu" else torch.cuda.get_device_name(device)
    return {
        "variant": row.variant,
        "mode": row.mode.name,
        "dtype": dtype,
        "layout": layout,
        "size": list(row.size),
        "device": label,
        **row.notes,
        **roofline.limits(row.operations, Rates(bandwidth, rate)),
        **summarise(samples, latency.stability),
    }


def orders(rows: int, latency: "Latency") -> list[list[int]]:
    """All rows once a round, each round in another random order; the same orders for the same seed."""
    random = np.random.default_rng(latency.seed)
    return [random.permutation(rows).tolist() for _ in range(latency.rounds)]


def measure(
    passes: list[Run],
    rounds: list[list[int]],
    latency: "Latency",
    milliseconds: Callable[[Run], float],
) -> list[list[list[float]]]:
    """Samples in milliseconds by row, round and pass; `rounds` say in which order rows have their turns."""
    samples: list[list[list[float]]] = [[] for _ in passes]
    for row in progress([row for order in rounds for row in order], "latency", unit="turns"):
        taken = [milliseconds(passes[row]) for _ in range(latency.warmup + latency.samples)]
        samples[row].append(taken[latency.warmup :])
    return samples


def summarise(samples: list[list[float]], stability: float) -> dict[str, Any]:
    """A row's figures from its samples (milliseconds, by round; two rounds or more)."""
    half = len(samples) // 2
    first, last = (float(np.median(part)) for part in (samples[:half], samples[-half:]))
    median, p90, p99 = np.percentile(samples, (50, 90, 99), method="linear").tolist()
    drift = abs(last / first - 1)
    figures = {"median_ms": median, "p90_ms": p90, "p99_ms": p99, "fps": 1000 / median, "samples_ms": samples}
    return {**figures, "stable": drift <= stability, "drift": drift}


def on_cpu(run: Run) -> float:
    """Milliseconds of one pass on the CPU."""
    start = time.perf_counter_ns()
    run()
    return (time.perf_counter_ns() - start) / 1e6


def on_gpu(run: Run) -> float:
    """Milliseconds of one pass on a GPU that has nothing else to do."""
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    torch.cuda.synchronize()
    start.record()
    run()
    end.record()
    end.synchronize()
    return start.elapsed_time(end)


def settings(device: torch.device) -> dict[str, Any]:
    """The protocol's settings as they are in effect."""
    common = {"percentiles": "numpy, linear", "weights_seed": modes.SEED}
    if device.type == "cpu":
        return {"clock": "time.perf_counter_ns", **common}
    backends = torch.backends
    precisions = {"convolutions": backends.cudnn.conv.fp32_precision, "products": backends.cuda.matmul.fp32_precision}
    return {"clock": "CUDA events", **common, "float32": precisions, "cudnn_benchmark": backends.cudnn.benchmark}
