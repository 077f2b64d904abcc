"""What the records of latency and complexity say, held against their samples and counts.

Every function yields one sentence for each difference.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from analysis.results.compared import differences
from pipeline.utils.records import AGAIN, Record

COUNTERS = ("ptflops_macs", "closed_form_macs")
WITHIN = 0.01
"""Largest relative difference between two counts of the same MACs, as the stage `complexity` allows it."""


def latency(path: Path, record: Record) -> Iterator[str]:
    """Hold a latency record against its samples: medians, percentiles, stability, rates and limits."""
    result, asked = record["result"], record["params"]["latency"]
    yield from differences(path, result, {"protocol": asked}, "its parameters")
    yield from _device(path, result)
    rates: dict[tuple[str, str], float] = {}
    for index, each in enumerate(result.get("ceilings", [])):
        rate = rates[each["kind"], each["dtype"]] = 1e3 * each["work"] / float(np.median(each["samples_ms"]))
        yield from differences(path, each, {"per_second": rate}, "the samples", f"ceilings.{index}")
    over = [(row, f", {'x'.join(map(str, row['size']))}") for row in result.get("over", [])]
    for row, at in [*((row, "") for row in result["rows"]), *over]:
        where = f"{row['variant']}, {row['mode']}{at}"
        shape = (asked["rounds"], asked["samples"])
        if np.shape(row["samples_ms"]) != shape:
            yield f"{path} has no {shape[0]} rounds of {shape[1]} samples for {where}, as its parameters say; {AGAIN}"
        else:
            given = _times(row["samples_ms"], asked["stability"]) | _limits(row, rates)
            yield from differences(path, row, given, "the samples", where)


def _times(samples: list[list[float]], stability: float) -> dict[str, Any]:
    half = len(samples) // 2
    median, p90, p99 = np.percentile(samples, (50, 90, 99), method="linear").tolist()
    drift = abs(float(np.median(samples[-half:])) / float(np.median(samples[:half])) - 1)
    times = {"median_ms": median, "p90_ms": p90, "p99_ms": p99, "fps": 1000 / median}
    return times | {"drift": drift, "stable": drift <= stability}


def _limits(row: Mapping[str, Any], rates: Mapping[tuple[str, str], float]) -> dict[str, float]:
    if "limit_ms" not in row:
        return {}
    arithmetic = 1e3 * row["macs"] / rates["product", row["dtype"]]
    traffic = 1e3 * row["bytes"] / rates["copy", "uint8"]
    return {"arithmetic_ms": arithmetic, "traffic_ms": traffic, "limit_ms": max(arithmetic, traffic)}


def _device(path: Path, result: Mapping[str, Any]) -> Iterator[str]:
    """Each row names the device as well: a GPU's name, or `cpu`, which the record then names a second time."""
    device = result["device"]
    for row in result["rows"]:
        given = device.get("cpu", device["name"]) if row["device"] == "cpu" else row["device"]
        yield from differences(path, device, {"name": given}, f"its row {row['variant']}, {row['mode']}", "device")


def complexity(path: Path, record: Record) -> Iterator[str]:
    """Hold a complexity record, or that of the paper's networks, against itself: its counts and their sums."""
    result, params = record["result"], record["params"]
    counted = result.get("variants") or {record["wildcards"]["variant"]: result}
    for name, each in counted.items():
        where = name if "variants" in result else ""
        given = {"megabytes": each["parameters"] * 4 / 1e6}
        yield from differences(path, each, given, "four bytes per parameter", where)
        for at, count in each["at"].items():
            said = " ".join(filter(None, (where, f"at {at}")))
            if "structure" in params.get(f"variants.{name}", {}):  # the stages of a peer may overlap
                yield from differences(path, count, {"macs": sum(count["stages"].values())}, "the stages' sum", said)
            for counter in COUNTERS:
                other = count.get(counter, count["macs"])
                if abs(other - count["macs"]) > WITHIN * count["macs"]:
                    yield f"{path} says {said} {counter} = {other}, but macs = {count['macs']}; {AGAIN}"


BY_STAGE = {"latency": latency, "forms": latency, "complexity": complexity, "paper": complexity}
"""What holds the record of a stage against itself."""
