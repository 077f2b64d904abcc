"""Random numbers that no library version can change: splitmix64 for choices, a lattice hash for textures."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")
MASK = (1 << 64) - 1


class Dice:
    """A stream of random choices that depends only on its key (splitmix64, Steele et al., OOPSLA 2014)."""

    def __init__(self, *key: int):
        self._state = 0
        for part in key:
            self._state = (self._state ^ part) & MASK
            self._state = self.bits()

    def bits(self) -> int:
        """Return 64 random bits."""
        self._state = (self._state + 0x9E3779B97F4A7C15) & MASK
        mixed = self._state
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & MASK
        return mixed ^ (mixed >> 31)

    def uniform(self, low: float, high: float) -> float:
        return low + (high - low) * ((self.bits() >> 11) * 2.0**-53)

    def chance(self, probability: float) -> bool:
        return self.uniform(0.0, 1.0) < probability

    def choose(self, options: Sequence[T]) -> T:
        return options[self.bits() % len(options)]

    def seed(self) -> int:
        """Return 31 random bits to seed a texture."""
        return self.bits() >> 33


def scramble(column: np.ndarray, row: np.ndarray, seed: int) -> np.ndarray:
    """Hash int32 lattice points, which broadcast, to uint32. The lowest eight bits are of poor quality."""
    mixed = column.view(np.uint32) * np.uint32(0x9E3779B1) ^ row.view(np.uint32) * np.uint32(0x85EBCA77)
    mixed ^= np.uint32(seed)
    mixed ^= mixed >> np.uint32(15)
    mixed *= np.uint32(0x2C1B3C6D)
    mixed ^= mixed >> np.uint32(12)
    mixed *= np.uint32(0x297A2D39)
    return mixed


def grain(x: np.ndarray, y: np.ndarray, seed: int) -> np.ndarray:
    """Return float32 in [0, 1), constant on each unit cell of (x, y)."""
    return _corner(np.floor(x).astype(np.int32), np.floor(y).astype(np.int32), seed) * np.float32(2.0**-24)


def blobs(x: np.ndarray, y: np.ndarray, seed: int) -> np.ndarray:
    """Return float32 in [0, 1) that varies smoothly over the unit cells of (x, y) (value noise)."""
    left, top = np.floor(x), np.floor(y)
    u, v = x - left, y - top
    u, v = u * u * (3 - 2 * u), v * v * (3 - 2 * v)
    column, row = left.astype(np.int32), top.astype(np.int32)
    beside, below = column + 1, row + 1
    upper = _mix(_corner(column, row, seed), _corner(beside, row, seed), u)
    lower = _mix(_corner(column, below, seed), _corner(beside, below, seed), u)
    return _mix(upper, lower, v) * np.float32(2.0**-24)


def _corner(column: np.ndarray, row: np.ndarray, seed: int) -> np.ndarray:
    """Return float32 in [0, 2**24). The caller scales the result to [0, 1), which is cheaper at the end."""
    return (scramble(column, row, seed) >> np.uint32(8)).astype(np.float32)


def _mix(a: np.ndarray, b: np.ndarray, share: np.ndarray) -> np.ndarray:
    return a + (b - a) * share
