"""Whether a trained network is sound, so that its score is one of its structure: the verdict on its record of health.

The record is what `pipeline.training.health` measures. A network within all limits may still be bad; one
beyond a limit has a part that does not do its work.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

SATURATED = 0.2
"""Share of a network's gates below 0.05 or above 0.95. Such a gate is a switch that training can hardly move; a fifth
leaves room for channels that attention rightly opens or shuts."""
BETWEEN_IMAGES = 0.05
"""Standard deviation of a gate between images. Below it one that is half open moves a feature by less than a tenth of
its size from image to image: attention is a constant, which the next convolution could have learned."""
FIRST_LOSS = 0.2
"""Relative distance of the first loss from that of even scores. A network that knows nothing is no surer than that;
more loss is confidence without reason, which the first steps must undo."""
DEAD = 0.5
"""Share of a part's ReLU channels that are 0 everywhere. Some always die; with half of them the part computes with half
its width, and neither its MACs nor its parameters are those of what was scored."""

Found = list[tuple[str, float]]
"""What is beyond a limit: the part, and its value."""


def reasons(records: Sequence[dict[str, Any]]) -> list[str]:
    """Why a variant is unhealthy, by the records of its seeds; empty if it is sound. Numbers are ranges over them."""
    gates = [(part.removeprefix("attention of "), gate) for each in records for part, gate in each["gates"].items()]
    relus = [found for each in records for found in each["dead_relu"].items()]
    found = {
        "the gates of {names} are {percent} % saturated": _beyond(
            ((name, gate.get("saturated")) for name, gate in gates), lambda share: share > SATURATED
        ),
        "the gates of {names} are the same for every image (standard deviation {value})": _beyond(
            ((name, gate["between_images"]) for name, gate in gates), lambda spread: spread < BETWEEN_IMAGES
        ),
        "{percent} % of the ReLU channels of {names} are dead": _beyond(relus, lambda share: share > DEAD),
        "batch norm statistics of {names} are not finite": _not_finite(records, "statistics"),
        "weights of {names} are not finite": _not_finite(records, "weights"),
    }
    return [*_first_loss(records), *(text.format(**_words(parts)) for text, parts in found.items() if parts)]


def _first_loss(records: Sequence[dict[str, Any]]) -> list[str]:
    even, classes = records[0]["first"]["guessing"], records[0]["classes"]
    losses = [each["first"]["loss"] for each in records]
    if None in losses:
        return ["the first loss is no number"]
    far = [loss for loss in losses if abs(loss / even - 1) > FIRST_LOSS]
    times = even / math.log(classes)
    weighted = "" if math.isclose(times, 1, rel_tol=1e-3) else f"{times:.3g} x "  # auxiliary heads have losses too
    return [f"first loss {spread(far, '.3g')} is far from {weighted}ln {classes} = {even:.3g}"] if far else []


def _beyond(values: Iterable[tuple[str, float | None]], limit: Callable[[float], bool]) -> Found:
    """Those beyond a limit. None is no number: the part that made it so is named as not finite."""
    return [(name, value) for name, value in values if value is not None and limit(value)]


def _not_finite(records: Sequence[dict[str, Any]], kind: str) -> Found:
    return [(name, math.nan) for each in records for name in each["not_finite"][kind]]


def _words(found: Found) -> dict[str, str]:
    *first, last = dict.fromkeys(name for name, _ in found)
    values = [value for _, value in found]
    percent = spread([100 * value for value in values], ".0f")
    names = f"{', '.join(first)} and {last}" if first else last
    return {"names": names, "percent": percent, "value": spread(values, ".3f")}


def spread(values: Sequence[float], digits: str) -> str:
    """The lowest and the highest value, or the one that both are."""
    low, high = (f"{bound(values):{digits}}" for bound in (min, max))
    return low if low == high else f"{low} to {high}"
