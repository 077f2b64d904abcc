"""Positions of the parts of a network in its drawing (`analysis/figures/architecture.py`)."""

import math
from typing import Any

Edge = dict[str, Any]
Place = tuple[float, float]

BELOW = 1.35
"""Levels between the end of a network and its high-level path, and between that and its low-level path."""


class Layout:
    """Networks are columns from left to right, the decoder is the last. Each level down halves the resolution.

    `described` is the result of `pipeline.complexity.architecture.describe`. `places` are the positions of parts, and
    `entries` those of resized inputs, by the part that receives them.
    """

    def __init__(self, described: dict[str, Any]):
        self.parts: dict[str, list[int]] = described["parts"]
        self.flow: list[Edge] = described["flow"]
        self.rows = described["size"][0]
        self.columns = 1 + max(found for part in self.parts if (found := column(part)) is not None)
        self.places: dict[str, Place] = {}
        self.entries: dict[str, Place] = {}
        for part in self.parts:
            if column(part) is not None:
                self._stand(part)
        self._image_and_context()
        self._decoder()
        levels = [level for _, level in [*self.places.values(), *self.entries.values()]]
        self.top, self.bottom = min(levels) - 0.75, max(levels) + 0.75

    def into(self, part: str) -> list[Edge]:
        """The edges that lead into a part."""
        return [edge for edge in self.flow if edge["to"] == part]

    def joined(self, part: str) -> str | None:
        """How the inputs of a part are joined: `sum`, `concat` or None."""
        return self.into(part)[0]["joined"] if self.into(part) else None

    def half(self, shape: list[int]) -> float:
        """Half the width of a box, in columns. Each level down is a little narrower."""
        return max(0.36 - 0.018 * max(0.0, self._level(shape)), 0.22)

    def _level(self, shape: list[int]) -> float:
        return math.log2(self.rows / shape[1])

    def _stand(self, part: str) -> None:
        own = [edge for edge in self.into(part) if column(edge["from"]) == column(part)]
        lowest = max((self.places[edge["from"]][1] for edge in own), default=0)
        self.places[part] = column(part), max(round(self._level(self.parts[part])), lowest + 1)
        if column(part) and any(edge["resized"] for edge in self.into(part)):
            self.entries[part] = column(part), self.places[part][1] - 1

    def _image_and_context(self) -> None:
        first = next(edge["to"] for edge in self.flow if edge["from"] == "image")
        self.places["image"] = 0, self.places[first][1] - 1
        if "context" in self.parts:
            self.places["context"] = 0, max(level for _, level in self.places.values()) + 1

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
