"""How well candidates fit printed numbers: scores, the lowest of them, and what the numbers' rounding lets one tell."""

from typing import Any, NamedTuple

import numpy as np

Place = tuple[int, ...]
"""A candidate as its index on each axis of the errors."""

DRAWS, SEED = 500, 0
"""Of the digits behind the paper's rounded ones."""


class Cell(NamedTuple):
    """A distinct number of the paper: what is claimed of which variant, and the tables that print it."""

    variant: str
    size: tuple[int, int]
    quantity: str
    paper: float
    decimals: int
    tables: tuple[str, ...]


def mean(errors: list[np.ndarray]) -> np.ndarray:
    """The mean of |error| of every candidate. An array 1 long on an axis is alike along it."""
    total = np.zeros(np.broadcast_shapes(*(error.shape for error in errors)), np.float32)
    for error in errors:
        total += np.abs(error)
    return total / len(errors)


def lowest(score: np.ndarray, count: int) -> list[Place]:
    """The places of the lowest scores; of equal ones the first."""
    flat = score.ravel()
    count = min(count, flat.size)
    near = np.flatnonzero(flat <= np.partition(flat, count - 1)[count - 1])
    order = near[np.argsort(flat[near], kind="stable")][:count]
    return [tuple(map(int, np.unravel_index(index, score.shape))) for index in order]


def at(error: np.ndarray, place: Place) -> float:
    """A cell's error under a candidate."""
    return float(error[tuple(min(index, size - 1) for index, size in zip(place, error.shape, strict=True))])


class Behind:
    """How far an interpretation is behind the best when the paper's digits are drawn anew from all that print so.

    (low, high): 95 % of the draws. Where low is not above 0, the paper's rounding alone could decide between the two.
    """

    def __init__(self, cells: list[Cell], errors: list[np.ndarray], best: Place):
        self.errors, self.best = errors, best
        self.paper = np.array([cell.paper for cell in cells])
        half = np.array([0.5 * 10**-cell.decimals for cell in cells])
        self.drawn = self.paper + half * np.random.default_rng(SEED).uniform(-1, 1, (DRAWS, len(cells)))

    def __call__(self, place: Place) -> list[float]:
        return np.quantile(self._scores(place) - self._scores(self.best), [0.025, 0.975]).tolist()

    def _scores(self, place: Place) -> np.ndarray:
        counted = self.paper * (1 + np.array([at(error, place) for error in self.errors]))
        return np.abs(counted / self.drawn - 1).mean(axis=1)


def summary(cells: list[Cell], errors: list[float]) -> dict[str, Any]:
    """The score, and the median and the worst error of each quantity; and how many cells it prints digit for digit."""
    by_quantity = {
        quantity: [abs(error) for cell, error in zip(cells, errors, strict=True) if cell.quantity == quantity]
        for quantity in ("macs", "parameters")
    }
    counted = [(cell.paper * (1 + error), cell) for cell, error in zip(cells, errors, strict=True)]
    return {
        "score": float(np.mean(np.abs(errors))),
        **{
            quantity: {"cells": len(each), "median": float(np.median(each)), "worst": max(each)}
            for quantity, each in by_quantity.items()
            if each
        },
        "printed_alike": {
            "rounded": sum(abs(value - cell.paper) <= 0.5 * 10**-cell.decimals for value, cell in counted),
            "truncated": sum(0 <= value - cell.paper < 10**-cell.decimals for value, cell in counted),
        },
    }
