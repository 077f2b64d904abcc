"""Which interpretation of the paper's silences fits its MACs and Params best, over all of its networks at once.

Every combination of answers in `SPACE` is held against every distinct cell of Tables 2 to 5. The score of a
combination is the mean of |counted / printed - 1|. MACs and parameters are sums over the parts of a network, and each
question concerns one part: so each part is counted once for each answer, from the modules themselves on the meta
device, and the combinations are sums of these.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from models.interpretation import INTERPRETATIONS, Blocks, Context, Fusion, Interpretation, Residuals
from pipeline.complexity.fits import Behind, Cell, Place, at, lowest, mean, summary
from pipeline.complexity.part_costs import Costs
from pipeline.utils.errors import BadInput

if TYPE_CHECKING:
    from pipeline.config.variants import AnyVariant

SPACE: dict[str, tuple[type, dict[str, tuple]]] = {
    "blocks": (
        Blocks,
        {
            "strided": (1, 2, 3),
            "shortcut": ("normalised", "plain", "none", "separable"),
            "depthwise_norm": (False, True),
        },
    ),
    "residuals": (Residuals, {"output_stride": (16, 8, 32), "strided": (2, 1), "deep_stem": (False, True)}),
    "context": (Context, {"pointwise": (False, True), "pooling": (False, True), "projection": (False, True)}),
    "fusion": (
        Fusion,
        {
            "width": (64, 32, 48, 128),
            "kernel": (1, 3),
            "reduce_first": (True, False),
            "join": ("sum", "concat"),
            "merge": ("1x1", "separable", "3x3"),
            "merges_both": (False, True),
            "classified": ("own", "stride 4"),
        },
    ),
}
"""The answers to each question (models/interpretation.py), the most usual first: of equal fits the first counts."""

UNITS = {"MB of float32": 1e6 / 4, "millions": 1e6, "MiB of float32": 2**20 / 4}
"""Parameters to one of what the Params column may count."""

AXES = (*SPACE, "unit")
NEAR, SHOWN = 1000, 10
"""Best interpretations whose distance to the best is judged, and that are written out."""


def search(
    claims: Iterable[Mapping[str, str]], variants: Mapping[str, "AnyVariant"], classes: int = 19
) -> dict[str, Any]:
    """The candidates with their errors by cell, the best, and how the choice holds without each table.

    `claims` are rows of data/paper/claims.csv; those of the paper's own MACs and parameters are used. `BadInput` if
    there are none.
    """
    cells = distinct(claims, variants)
    if not cells:
        raise BadInput("data/paper/claims.csv holds no MACs or parameters of a variant; there is nothing to fit")
    options = {part: list(_options(part)) for part in SPACE}
    costs = Costs(options, classes)
    errors = [_errors(cell, costs.of(variants[cell.variant], cell.size)) for cell in cells]
    score = np.broadcast_to(mean(errors), [*map(len, options.values()), len(UNITS)])
    behind = Behind(cells, errors, lowest(score, 1)[0])
    near = [place for place in lowest(score, NEAR) if behind(place)[0] <= 0]
    chosen = min(near, key=lambda place: len(_changed(options, place)))  # of equally few changes the best
    named = _named(options)

    def describe(place: Place) -> dict[str, Any]:
        found = [at(error, place) for error in errors]
        return _reading(options, place) | summary(cells, found) | {"behind": behind(place), "errors": found}

    return {
        "candidates_counted": int(score.size),
        "score": "mean of |counted / printed - 1| over the cells",
        "cells": [cell._asdict() | {"fitted_by": _informs(error)} for cell, error in zip(cells, errors, strict=True)],
        "best": describe(behind.best),
        "simplest_as_good": describe(chosen),
        "named": {name: describe(place) for name, place in named.items()},
        "candidates": [describe(place) for place in dict.fromkeys([*near[:SHOWN], chosen, *named.values()])],
        "questions": _questions(score, options),
        "without_table": {table: _without(table, options, cells, errors) for table in _tables(cells)},
    }


def distinct(claims: Iterable[Mapping[str, str]], variants: Mapping[str, "AnyVariant"]) -> list[Cell]:
    """The paper's MACs and parameters of DFANet's own space; a number that several tables repeat is one cell."""
    found: dict[tuple, list[str]] = {}
    for row in claims:
        ours = hasattr(variants.get(row["variant"]), "structure")
        if ours and row["source"] == "dfanet" and row["quantity"] in ("macs", "parameters"):
            size = tuple(map(int, row["size"].split("x")))
            key = (row["variant"], size, row["quantity"], float(row["value"]), int(row["decimals"]))
            found.setdefault(key, []).append(row["table"])
    return [Cell(*key, tuple(dict.fromkeys(tables))) for key, tables in found.items()]


def _options(part: str) -> Iterator[Any]:
    kind, answers = SPACE[part]
    for values in product(*answers.values()):
        option = kind(**dict(zip(answers, values, strict=True)))
        # The low-level path alone can be concatenated: both paths are summed.
        if not (part == "fusion" and option.merges_both and option.join == "concat"):
            yield option


def _errors(cell: Cell, cost: np.ndarray) -> np.ndarray:
    """counted / printed - 1 over `AXES`, 1 long where the cell does not depend on an answer."""
    if cell.quantity == "macs":
        return cost[0][..., None] / 1e9 / cell.paper - 1
    return cost[1][..., None] / np.array(list(UNITS.values())) / cell.paper - 1


def _place(options: Mapping[str, list], interpretation: Interpretation) -> Place:
    """Where an interpretation stands, its Params counted in the first of `UNITS`."""
    return (*(options[part].index(getattr(interpretation, part)) for part in SPACE), 0)


def _named(options: Mapping[str, list]) -> dict[str, Place]:
    """Where the named interpretations stand. Of those that MACs and Params cannot tell apart the first is named."""
    named: dict[str, Place] = {}
    for name, interpretation in INTERPRETATIONS.items():
        place = _place(options, interpretation)
        if place not in named.values():
            named[name] = place
    return named


def _changed(options: Mapping[str, list], place: Place) -> dict[str, Any]:
    """The answers that differ from those of the interpretation `first`."""
    found = {}
    for part, index in zip(SPACE, place, strict=False):
        first, other = asdict(getattr(INTERPRETATIONS["first"], part)), asdict(options[part][index])
        found |= {f"{part}.{question}": other[question] for question in first if other[question] != first[question]}
    return found


def _reading(options: Mapping[str, list], place: Place) -> dict[str, Any]:
    interpretation = {part: asdict(options[part][index]) for part, index in zip(SPACE, place, strict=False)}
    return {"interpretation": interpretation, "changed": _changed(options, place), "unit": list(UNITS)[place[-1]]}


def _informs(error: np.ndarray) -> list[str]:
    """The parts whose answers change a cell: what it was used to choose."""
    return [
        axis
        for axis, length in zip(AXES, error.shape, strict=True)
        if length > 1 and np.ptp(error, AXES.index(axis)).any()
    ]


def _questions(score: np.ndarray, options: Mapping[str, list]) -> dict[str, dict[str, float]]:
    """For each answer to each question, the best score that it allows."""
    found = {}
    for axis, part in enumerate(SPACE):
        least = score.min(axis=tuple(other for other in range(score.ndim) if other != axis))
        for question, answers in SPACE[part][1].items():
            found[f"{part}.{question}"] = {
                str(answer): float(min(least[i] for i, o in enumerate(options[part]) if getattr(o, question) == answer))
                for answer in answers
            }
    least = score.min(axis=tuple(range(score.ndim - 1)))
    return found | {"unit": dict(zip(UNITS, map(float, least), strict=True))}


def _tables(cells: list[Cell]) -> list[str]:
    """The tables that can be left out: those without which there are cells."""
    named = sorted({table for cell in cells for table in cell.tables})
    return [table for table in named if any(table not in cell.tables for cell in cells)]


def _without(table: str, options: Mapping[str, list], cells: list[Cell], errors: list[np.ndarray]) -> dict[str, Any]:
    """The best interpretation by the cells that `table` does not print, and its errors on those that it does."""
    out = [table in cell.tables for cell in cells]
    place = lowest(mean([error for error, left in zip(errors, out, strict=True) if not left]), 1)[0]
    there = [(cell, at(error, place)) for cell, error, left in zip(cells, errors, out, strict=True) if left]
    return _reading(options, place) | summary(*map(list, zip(*there, strict=True)))
