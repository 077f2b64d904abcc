"""Positions of the parts of a network in its drawing (`analysis/figures/architecture.py`)."""

import math
from typing import Any

Edge = dict[str, Any]
Place = tuple[float, float]

BELOW = 1.35
"""Levels between the end of a network and its high-level path, and between that and its low-level path."""


class Layout:
    """Networks are columns from left to right, the decoder is the last. Each level down halves the resolution.

    `described` is the result of `pipeline.complexity.architecture.describe`. `places` are the positions of parts. Where
    one input of a part comes from another column and is `resized`, `entries` has its position. A part that belongs to
    no network and not to the decoder, such as `context`, stands below what it reads.
    """

    def __init__(self, described: dict[str, Any]):
        self.parts: dict[str, list[int]] = described["parts"]
        self.flow: list[Edge] = described["flow"]
        self.rows = described["size"][0]
        self.columns = 1 + max(found for part in self.parts if (found := column(part)) is not None)
        self.places: dict[str, Place] = {}
        self.entries: dict[str, Place] = {}
        self.resized: dict[str, Edge] = {}
        for part in self.parts:
            if not part.startswith("decoder.") and part != "scores":
                self._stand(part)
        self._decoder()
        levels = [level for _, level in self.taken()]
        self.top, self.bottom = min(levels) - 0.75, max(levels) + 0.75

    def into(self, part: str) -> list[Edge]:
        """The edges that lead into a part."""
        return [edge for edge in self.flow if edge["to"] == part]

    def joined(self, part: str) -> str | None:
        """How the inputs of a part are joined: `sum`, `concat`, another operation's name, or None."""
        return self.into(part)[0]["joined"] if self.into(part) else None

    def half(self, shape: list[int]) -> float:
        """Half the width of a box, in columns. Each level down is a little narrower."""
        return max(0.37 - 0.01 * max(0.0, self._level(shape)), 0.32)

    def taken(self) -> list[Place]:
        """The places of all boxes."""
        return [*self.places.values(), *self.entries.values()]

    def clear(self, first: Place, last: Place) -> bool:
        """Whether no box stands between two places on one level or in one column."""
        (left, right), (upper, lower) = (sorted(each) for each in zip(first, last, strict=True))
        inside = [(x, y) for x, y in self.taken() if left <= x <= right and upper - 0.5 < y < lower + 0.5]
        return not [place for place in inside if place not in (first, last)]

    def _level(self, shape: list[int]) -> float:
        return math.log2(self.rows / shape[1])

    def _stand(self, part: str) -> None:
        """Place a part on its level, or on the next one that is free, below what it reads in its column."""
        edges = [(edge, *self.places[edge["from"]]) for edge in self.into(part)]
        x, level = column(part), round(self._level(self.parts[part]))
        if x is None:
            x = max((x for _, x, _ in edges), default=0)
            level = max((y for taken, y in self.taken() if taken == x), default=level)
        level = max([level, *(y + 1 for _, source, y in edges if source == x)])
        resized = [edge for edge, source, _ in edges if edge["resized"] and source != x]
        boxes = range(2 if len(resized) == 1 else 1)
        while any((x, level - above) in self.taken() for above in boxes):
            level += 1
        self.places[part] = x, level
        if len(resized) == 1:
            self.entries[part], self.resized[part] = (x, level - 1), resized[0]

    def _decoder(self) -> None:
        """The two convolutions of each network stand below it, and what follows their sums stands on the right."""
        end = level = max(level for _, level in self.places.values())
        for path in ("high", "low"):
            parts = [part for part in self.parts if part.startswith(f"decoder.{path}.")]
            level += BELOW * bool(parts)
            self.places |= {part: (int(part.rsplit(".", 1)[1]), level) for part in parts}
        end += BELOW - 0.35 if "decoder.high.0" in self.parts else 0
        if any(".high." in edge["from"] for edge in self.into("decoder.merge")):
            self.places["decoder.merge"] = self.columns, end
            end -= 1.15
        elif "decoder.merge" in self.parts:
            self.places["decoder.merge"] = self.columns, level - 0.25
        self.places |= {"decoder.classify": (self.columns, end), "scores": (self.columns, end - 1.15)}


def column(part: str) -> int | None:
    """The number of the network that a part belongs to, or None."""
    words = part.split(".")
    return int(words[1]) if words[0] == "networks" else None
