"""How well candidate interpretations fit the paper's printed numbers, and which differences rounding could explain."""

from typing import Any, NamedTuple

import numpy as np

Candidate = tuple[int, ...]
"""A candidate interpretation, given by its index on each axis of the error arrays."""

DRAWS, SEED = 500, 0
"""Number and seed of the draws of the digits that the paper rounded off."""


class Cell(NamedTuple):
    """A distinct number of the paper: a quantity of a variant at an image size, and the tables that print it."""

    variant: str
    size: tuple[int, int]
    quantity: str
    paper: float
    decimals: int
    tables: tuple[str, ...]


def mean(errors: list[np.ndarray]) -> np.ndarray:
    """Return the mean of |error| for every candidate; arrays of errors are broadcast along axes of length 1."""
    total = np.zeros(np.broadcast_shapes(*(error.shape for error in errors)), np.float32)
    for error in errors:
        total += np.abs(error)
    return total / len(errors)


def lowest(score: np.ndarray, count: int) -> list[Candidate]:
    """Return the candidates with the `count` lowest scores in ascending order; ties keep the order of candidates."""
    flat = score.ravel()
    count = min(count, flat.size)
    near = np.flatnonzero(flat <= np.partition(flat, count - 1)[count - 1])
    order = near[np.argsort(flat[near], kind="stable")][:count]
    return [tuple(map(int, np.unravel_index(index, score.shape))) for index in order]


def at(error: np.ndarray, candidate: Candidate) -> float:
    """Return a cell's error under a candidate."""
    return float(error[tuple(min(index, size - 1) for index, size in zip(candidate, error.shape, strict=True))])


class Behind:
    """How much higher a candidate's score is than the best, over random draws of the digits that the paper rounded off.

    A call returns [low, high], which holds 95 % of the draws. If low is not above 0, the paper's rounding alone could
    decide between the two candidates.
    """

    def __init__(self, cells: list[Cell], errors: list[np.ndarray], best: Candidate):
        self.errors, self.best = errors, best
        self.paper = np.array([cell.paper for cell in cells])
        half = np.array([0.5 * 10**-cell.decimals for cell in cells])
        self.drawn = self.paper + half * np.random.default_rng(SEED).uniform(-1, 1, (DRAWS, len(cells)))

    def __call__(self, candidate: Candidate) -> list[float]:
        return np.quantile(self._scores(candidate) - self._scores(self.best), [0.025, 0.975]).tolist()

    def _scores(self, candidate: Candidate) -> np.ndarray:
        counted = self.paper * (1 + np.array([at(error, candidate) for error in self.errors]))
        return np.abs(counted / self.drawn - 1).mean(axis=1)


def summary(cells: list[Cell], errors: list[float]) -> dict[str, Any]:
    """Return the score, the median and worst error per quantity, and the number of cells that match in every digit."""
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
