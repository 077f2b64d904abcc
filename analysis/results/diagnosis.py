"""Whether a trained network is healthy, judged by what `pipeline.training.health` recorded.

A network beyond a limit has a part that does not work, so its score is not one of its structure. A network within all
limits may still be bad.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

SATURATED = 0.2
"""Limit of the share of a network's gates below 0.05 or above 0.95. Training can hardly move such a gate. A fifth
leaves room for channels that attention is right to open or close."""
BETWEEN_IMAGES = 0.05
"""Limit of the standard deviation of a gate between images. Below it, a half-open gate changes a feature by less than a
tenth from image to image: attention is a constant, which the next convolution could have learned."""
FIRST_LOSS = 0.2
"""Limit of the relative distance of the first loss from that of even scores. A larger loss means that the untrained
network is confident without reason, which the first steps must undo."""
DEAD = 0.5
"""Limit of the share of a part's ReLU channels that are 0 everywhere. Some always die. With half of them dead the part
has half its width, and its MACs and parameters are not those of the network that was scored."""

Found = list[tuple[str, float]]
"""Parts beyond a limit, each with its value."""


def reasons(records: Sequence[dict[str, Any]]) -> list[str]:
    """Why a variant is unhealthy, given the records of its seeds. Empty if it is healthy. Numbers are ranges."""
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
    """The values beyond a limit. None is left out, because its part is named as not finite."""
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
    """The lowest and the highest value, or one number if they are equal."""
    low, high = (f"{bound(values):{digits}}" for bound in (min, max))
    return low if low == high else f"{low} to {high}"
