"""Latency over a range of image sizes: ratios between equal images, and the part of the time that sets each size."""

from typing import Any

import numpy as np
import pandas as pd

from analysis.results import conditions
from analysis.results.latency import ratio

PARTS = {"smallest_ms": "small operations", "traffic_ms": "bytes", "arithmetic_ms": "MACs"}
"""Times that a pass needs at least, by column, and what each is spent on."""


def frame(latency: dict[str, Any], base: str) -> pd.DataFrame:
    """One row per network, mode and size of a latency record's result; empty if it was not timed over sizes.

    - `ratio`, `ratio_low` and `ratio_high`: the time divided by that of the variant `base` in the same mode and at the
      same size, and its 95 % interval; NaN if `base` was not timed.
    - `fastest_ms` and `slowest_ms`: the medians of the fastest and of the slowest round.
    - `smallest_ms`: the time of the same network in the same mode at the smallest size. A pass over a larger image
      starts as many operations, so this is about what starting them takes.
    - `bound` and `bound_share`: the largest of `PARTS`, and its share of the time.
    """
    timed = {(row["variant"], row["mode"], *row["size"]): row for row in latency.get("over", [])}
    smallest = min((key[2:] for key in timed), key=np.prod, default=())
    rows = []
    for (variant, mode, *size), row in timed.items():
        against = timed.get((base, mode, *size))
        found, interval = ratio(row, against) if against else (np.nan, (np.nan, np.nan))
        rounds = np.median(row["samples_ms"], axis=1)
        parts = {"smallest_ms": timed[variant, mode, *smallest]["median_ms"]}
        parts |= {name: row[name] for name in ("traffic_ms", "arithmetic_ms")}
        bound = max(parts, key=lambda name: parts[name])
        rows.append(
            {
                "variant": variant, "mode": mode, "device": row["device"], "size": conditions.size(size),
                "pixels": int(np.prod(size)), "median_ms": row["median_ms"], "fps": row["fps"],
                "fastest_ms": rounds.min(), "slowest_ms": rounds.max(), "stable": row["stable"],
                "ratio": found, "ratio_low": interval[0], "ratio_high": interval[1],
                **parts, "bound": PARTS[bound], "bound_share": parts[bound] / row["median_ms"],
            }
        )  # fmt: skip
    return pd.DataFrame(rows)
