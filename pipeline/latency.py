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
- Drift is the share by which the median of the last half of the rounds differs from that of the first half (the middle
  one of an odd number is in neither); a row is stable if its drift is at most `stability`.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from models.build import build
from models.segmenter import initialise
from pipeline import device as devices
from pipeline import machine
from pipeline.progress import progress

if TYPE_CHECKING:
    from pipeline.params import Latency, Variant

Pass = Callable[[], object]
"""One forward pass, to be called again and again."""


class Mode(NamedTuple):
    """How a network is run: channels_last unless the name says contiguous."""

    name: str
    dtype: torch.dtype = torch.float32
    layout: torch.memory_format = torch.channels_last
    graph: bool = False


CPU_MODES = (Mode("eager float32"),)
GPU_MODES = (
    Mode("eager float32"),
    Mode("eager float16", torch.float16),
    Mode("eager float32 contiguous", layout=torch.contiguous_format),
    Mode("eager float16 contiguous", torch.float16, torch.contiguous_format),
    Mode("CUDA graph float32", graph=True),
    Mode("CUDA graph float16", torch.float16, graph=True),
)

SEED = 0
"""Of the weights and the image."""

FIRST_PASSES = 3
"""Before all rounds: cuDNN's trials, lazy initialisation, whatever a CUDA graph must not capture."""


def time_variants(
    latency: "Latency", variants: dict[str, "Variant"], classes: int, size: tuple[int, int]
) -> dict[str, Any]:
    """Time every variant in every mode of this machine's device, for an image of `size`, as the module says."""
    device = devices.choose(latency.threads)
    torch.backends.fp32_precision = "ieee"
    torch.backends.cudnn.benchmark = device.type == "cuda"
    modes, milliseconds = (GPU_MODES, on_gpu) if device.type == "cuda" else (CPU_MODES, on_cpu)
    rows = [(name, mode) for name in variants for mode in modes]
    with torch.inference_mode():
        passes = [prepare(variants[name], classes, size, mode, device) for name, mode in rows]
        before = machine.state(device)
        samples = measure(passes, orders(len(rows), latency), latency, milliseconds)
        after = machine.state(device)
    label = "cpu" if device.type == "cpu" else torch.cuda.get_device_name(device)
    return {
        "device": {**machine.describe(device), "clocks": {"before": before, "after": after}},
        "protocol": {**latency.model_dump(), **settings(device)},
        "size": list(size),
        "batch": 1,
        "rows": [
            {"variant": name, "mode": mode.name, "layout": str(mode.layout).removeprefix("torch."), "device": label}
            | summarise(taken, latency.stability)
            for (name, mode), taken in zip(rows, samples, strict=True)
        ],
    }


def orders(rows: int, latency: "Latency") -> list[list[int]]:
    """All rows once a round, each round in another random order; the same orders for the same seed."""
    random = np.random.default_rng(latency.seed)
    return [random.permutation(rows).tolist() for _ in range(latency.rounds)]


def measure(
    passes: list[Pass], rounds: list[list[int]], latency: "Latency", milliseconds: Callable[[Pass], float]
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


def on_cpu(run: Pass) -> float:
    """Milliseconds of one pass on the CPU."""
    start = time.perf_counter_ns()
    run()
    return (time.perf_counter_ns() - start) / 1e6


def on_gpu(run: Pass) -> float:
    """Milliseconds of one pass on a GPU that has nothing else to do."""
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    torch.cuda.synchronize()
    start.record()
    run()
    end.record()
    end.synchronize()
    return start.elapsed_time(end)


def prepare(variant: "Variant", classes: int, size: tuple[int, int], mode: Mode, device: torch.device) -> Pass:
    """A pass of `variant` in `mode`, after its first passes."""
    model = build(variant.model_dump(), classes)
    initialise(model, SEED)
    images = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(SEED)).to(device)
    _fit_norms(model.to(device), images)
    model = model.eval().to(mode.dtype).to(memory_format=mode.layout)
    image = images[:1].to(mode.dtype).to(memory_format=mode.layout)
    if mode.graph:
        return _capture(model, image)
    for _ in range(FIRST_PASSES):
        model(image)
    return lambda: model(image)


def _fit_norms(model: nn.Module, images: Tensor) -> None:
    """Give batch norms the statistics of `images`: an untrained network's features overflow float16 without."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    model.train()(images)


def _capture(model: nn.Module, image: Tensor) -> Pass:
    """A CUDA graph of one pass, captured as torch's notes on CUDA semantics say."""
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(FIRST_PASSES):
            model(image)
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        scores = model(image)
    # A graph reads and writes memory that it does not own: its pass must keep the tensors alive.
    return lambda held=(model, image, scores): graph.replay()


def settings(device: torch.device) -> dict[str, Any]:
    """The protocol's settings as they are in effect."""
    common = {"percentiles": "numpy, linear", "weights_seed": SEED}
    if device.type == "cpu":
        return {"clock": "time.perf_counter_ns", **common}
    backends = torch.backends
    precisions = {"convolutions": backends.cudnn.conv.fp32_precision, "products": backends.cuda.matmul.fp32_precision}
    return {"clock": "CUDA events", **common, "float32": precisions, "cudnn_benchmark": backends.cudnn.benchmark}
