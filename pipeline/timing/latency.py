"""Latency of the study's variants on this machine, measured by one protocol:

- A pass takes one image (batch size 1) from the device's memory to class scores at the image's size, in evaluation and
  inference mode. Reading, copying and argmax are not timed. Weights do not affect latency and are drawn from a seed.
- Each row is one variant in one mode. All rows are timed in one process and interleaved: each row has one turn per
  round, in a new random order for every round, so that drifting clocks or load affect all rows alike. A turn is
  `warmup` untimed passes followed by `samples` timed ones, each run alone on an idle device.
- A GPU is timed by CUDA events around a pass. Gaps in which it waits for Python count; a CUDA graph has none. TF32 is
  off except in the mode of that name, and cuDNN selects its algorithms by its rules, not by trials, as in training
  (`pipeline.utils.device`). The CPU is timed by `time.perf_counter_ns` in one mode, float32 in channels_last, and its
  rows are labelled `cpu`.
- Percentiles are interpolated linearly by numpy over the samples of all rounds. With 100 samples or fewer, p99 lies
  between the two slowest. FPS is 1000 / median in ms.
- The machine's copy bandwidth and matrix multiplication rate are measured in the same rounds, so that a row's limit
  (roofline.py) is based on the same clocks and load as the row.
- Drift is the relative difference between the medians of the last and the first half of the rounds. The middle round
  of an odd number belongs to neither half. A row is stable if its drift is at most `stability`. Rows that are not are
  timed again, in rounds of their own, up to `attempts` times in total. A row keeps its last attempt and says which.
- Clocks and load are read before every round, outside the timed passes.
"""

import time
from collections.abc import Callable, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from pipeline.timing import machine, modes, precision, roofline
from pipeline.timing.modes import Mode, Pass
from pipeline.timing.roofline import Ceiling, Operation, Rates, Run
from pipeline.utils import device as devices
from pipeline.utils.progress import progress

if TYPE_CHECKING:
    from pipeline.config.protocols import Latency
    from pipeline.config.variants import Variant


Size = tuple[int, int]
"""(rows, columns) of an image."""


class Row(NamedTuple):
    """One pass to be timed: its variant, mode, operations and image size, and `notes` to add to its figures."""

    variant: str
    mode: Mode
    run: Pass
    operations: list[Operation]
    size: Size
    notes: dict[str, Any] = {}


def time_variants(
    latency: "Latency",
    variants: dict[str, "Variant"],
    classes: int,
    sizes: dict[str, Size],
    over: Sequence[Size] = (),
) -> dict[str, Any]:
    """Time every variant in every mode of this machine's device, following the protocol of this module.

    `sizes` gives the size of the image for each variant. All variants are also timed at each size of `over`, in the
    first and the last mode, and always at the size that is asked for.
    """
    device, largest = choose(latency), most_pixels(sizes)
    fitted = {name: fitting(size, latency, device, largest) for name, size in sizes.items()}
    chosen = modes.GPU_MODES if device.type == "cuda" else modes.CPU_MODES
    swept = dict.fromkeys((chosen[0], chosen[-1]))

    def row(name: str, mode: Mode, size: Size) -> Row:
        run = modes.prepare(*modes.untrained(variants[name], classes, size, device), mode)
        return Row(name, mode, run, roofline.operations(variants[name].network, classes, size, mode.dtype), size)

    with torch.inference_mode():
        rows = [row(name, mode, fitted[name]) for name in variants for mode in chosen]
        return time_rows(latency, rows, device, [row(*each) for each in product(variants, swept, over)])


def most_pixels(sizes: dict[str, Size]) -> int:
    """Return the number of pixels of the largest image that any variant is timed with."""
    return max(rows * columns for rows, columns in sizes.values())


def fitting(size: Size, latency: "Latency", device: torch.device, largest: int = 0) -> Size:
    """Return the size to time: on a CPU, an image of more than `cpu_pixels` is scaled to sides divisible by 32.

    `largest` is the number of pixels of the largest image in the comparison; all images are scaled by its factor.
    """
    rows, columns = size
    pixels = max(largest, rows * columns)
    if device.type != "cpu" or pixels <= latency.cpu_pixels:
        return size
    scale = (latency.cpu_pixels / pixels) ** 0.5 / 32
    return 32 * max(2, round(rows * scale)), 32 * max(2, round(columns * scale))


def choose(latency: "Latency") -> torch.device:
    """Return this machine's device and set torch up for the protocol of this module."""
    device = devices.choose(latency.threads)
    precision.ieee()
    return device


def time_rows(latency: "Latency", rows: list[Row], device: torch.device, over: Sequence[Row] = ()) -> dict[str, Any]:
    """Time `rows`, those `over` sizes, and the machine's ceilings in the same rounds; return the stage's result."""
    unstable = [*rows, *over]
    ceilings = roofline.ceilings(device, list(dict.fromkeys(row.mode.arithmetic for row in unstable)))
    clock = on_gpu if device.type == "cuda" else on_cpu
    states: list[dict[str, Any]] = []
    rates: list[dict[str, Any]] = []
    figures: dict[int, dict[str, Any]] = {}
    for attempt in range(1, latency.attempts + 1):
        passes = [row.run for row in unstable] + ([] if rates else [each.run for each in ceilings])
        samples = measure(
            passes, orders(len(passes), latency), latency, clock, lambda: states.append(machine.state(device))
        )
        rates = rates or list(map(reached, ceilings, samples[len(unstable) :]))
        for row, taken in zip(unstable, samples, strict=False):
            figures[id(row)] = {**_figures(row, taken, rates, latency, device), "attempt": attempt}
        unstable = [row for row in unstable if not figures[id(row)]["stable"]]
        if not unstable:
            break
    return {
        "device": {**machine.describe(device), "clocks": [*states, machine.state(device)]},
        "protocol": {**latency.model_dump(), **settings(device)},
        "size": list(rows[0].size),
        "batch": 1,
        "ceilings": rates,
        "rows": [figures[id(row)] for row in rows],
        "over": [figures[id(row)] for row in over],
    }


def reached(ceiling: Ceiling, samples: list[list[float]]) -> dict[str, Any]:
    """Return a ceiling's rate, in bytes or MACs per second, from the median of its samples (ms, by round)."""
    rate = 1e3 * ceiling.work / float(np.median(samples))
    work = {"kind": ceiling.kind, "dtype": ceiling.arithmetic, "work": ceiling.work}
    return work | {"per_second": rate, "samples_ms": samples}


def _figures(
    row: Row, samples: list[list[float]], ceilings: list[dict[str, Any]], latency: "Latency", device: torch.device
) -> dict[str, Any]:
    rates = {(each["kind"], each["dtype"]): each["per_second"] for each in ceilings}
    bandwidth, rate = rates["copy", "uint8"], rates["product", row.mode.arithmetic]
    label = "cpu" if device.type == "cpu" else torch.cuda.get_device_name(device)
    return {
        "variant": row.variant,
        "mode": row.mode.name,
        "dtype": row.mode.arithmetic,
        "layout": str(row.mode.layout).removeprefix("torch."),
        "size": list(row.size),
        "device": label,
        **row.notes,
        **roofline.limits(row.operations, Rates(bandwidth, rate)),
        **summarise(samples, latency.stability),
    }


def orders(rows: int, latency: "Latency") -> list[list[int]]:
    """Return a random order of all rows for each round; the same seed gives the same orders."""
    random = np.random.default_rng(latency.seed)
    return [random.permutation(rows).tolist() for _ in range(latency.rounds)]


def measure(
    passes: list[Run],
    rounds: list[list[int]],
    latency: "Latency",
    milliseconds: Callable[[Run], float],
    before_round: Callable[[], None] = lambda: None,
) -> list[list[list[float]]]:
    """Return samples in milliseconds by row, round and pass; `rounds` gives the order of the rows in each round."""
    samples: list[list[list[float]]] = [[] for _ in passes]
    turns = [(row, row == order[0]) for order in rounds for row in order]
    for row, first in progress(turns, "latency", unit="turns"):
        if first:
            before_round()
        taken = [milliseconds(passes[row]) for _ in range(latency.warmup + latency.samples)]
        samples[row].append(taken[latency.warmup :])
    return samples


def summarise(samples: list[list[float]], stability: float) -> dict[str, Any]:
    """Return a row's figures from its samples (ms, by round); there must be at least two rounds."""
    half = len(samples) // 2
    first, last = (float(np.median(part)) for part in (samples[:half], samples[-half:]))
    median, p90, p99 = np.percentile(samples, (50, 90, 99), method="linear").tolist()
    drift = abs(last / first - 1)
    figures = {"median_ms": median, "p90_ms": p90, "p99_ms": p99, "fps": 1000 / median, "samples_ms": samples}
    return {**figures, "stable": drift <= stability, "drift": drift}


def on_cpu(run: Run) -> float:
    """Return the duration of one pass on the CPU in milliseconds."""
    start = time.perf_counter_ns()
    run()
    return (time.perf_counter_ns() - start) / 1e6


def on_gpu(run: Run) -> float:
    """Return the duration of one pass on an otherwise idle GPU in milliseconds."""
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    torch.cuda.synchronize()
    start.record()
    run()
    end.record()
    end.synchronize()
    return start.elapsed_time(end)


def settings(device: torch.device) -> dict[str, Any]:
    """Return the settings of the protocol that are in effect on `device`."""
    common = {"percentiles": "numpy, linear", "weights_seed": modes.SEED}
    if device.type == "cpu":
        return {"clock": "time.perf_counter_ns", **common}
    backends = torch.backends
    precisions = {"convolutions": backends.cudnn.conv.fp32_precision, "products": backends.cuda.matmul.fp32_precision}
    return {"clock": "CUDA events", **common, "float32": precisions, "cudnn_benchmark": backends.cudnn.benchmark}
