"""Measures how much faster random batches are read from the prepared form than by decoding the published files.

    python -m benchmarks.prepared_read [DATA] [--batch 8] [--rounds 20]

Both read the same frames with their labels, alternately, in one process and from a warm page cache. The ratio is that
of the medians. The exit code is 1 if it is below `TARGET`.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np

from pipeline.config import params, paths
from pipeline.data.reader import Prepared
from pipeline.data.registry import open_source

TARGET = 5
"""Smallest ratio that justifies the prepared form."""

Read = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


def measure(decode: Read, mapped: Read, count: int, batch: int, rounds: int) -> dict[str, float]:
    """Return the median milliseconds per batch of both readers and their ratio, over `rounds` random batches.

    `count` is the number of frames and `batch` the batch size.
    """
    random, seconds = np.random.default_rng(0), {"decoded": [], "prepared": []}
    for _ in range(rounds):
        chosen = random.choice(count, batch, replace=False)
        expected = _timed(decode, chosen, seconds["decoded"])
        got = _timed(mapped, chosen, seconds["prepared"])
        if not all(map(np.array_equal, expected, got)):
            raise SystemExit(
                f"frames {chosen} of the prepared form differ from the published files; prepare them again"
            )
    medians = {f"{name}_ms": 1000 * statistics.median(times) for name, times in seconds.items()}
    return {**medians, "ratio": medians["decoded_ms"] / medians["prepared_ms"]}


def readers(data: str, split: str) -> tuple[Read, Read, int]:
    """Return functions that decode and map images and labels of a split by index, and its number of frames."""
    prepared = Prepared(paths.fill(paths.PREPARED, data=data))
    source = open_source(data, params.load().data[data])
    images, labels, names = prepared.images(split), prepared.labels(split), source.names(split)

    def decode(places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        keys = [names[place] if prepared.task == "segmentation" else place for place in places]
        samples = [source.read(split, key) for key in keys]
        return np.stack([sample[0] for sample in samples]), np.stack([sample[1] for sample in samples])

    return decode, lambda places: (images[places], labels[places]), len(names)


def _timed(read: Read, places: np.ndarray, seconds: list[float]) -> tuple[np.ndarray, np.ndarray]:
    start = time.perf_counter()
    batch = read(places)
    seconds.append(time.perf_counter() - start)
    return batch


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", default="camvid")
    parser.add_argument("--split", default="train")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    found = measure(*readers(options.data, options.split), options.batch, options.rounds)
    print(json.dumps({**vars(options), **{key: round(value, 3) for key, value in found.items()}, "target": TARGET}))
    return 0 if found["ratio"] >= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
