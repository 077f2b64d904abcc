"""Search for the interpretation of what the paper leaves open that best fits its MACs and Params.

Every combination of answers in `SPACE` is compared with every distinct cell of Tables 2 to 5. Its score is the mean of
|counted / printed - 1|. MACs and parameters are sums over the parts of a network, and each question concerns one part.
So each part is counted once per answer on the meta device, and every combination is a sum of these counts.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from models.interpretation import INTERPRETATIONS, Blocks, Context, Fusion, Interpretation, Residuals
from pipeline.complexity.fits import Behind, Candidate, Cell, at, lowest, mean, summary
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
"""Answers to each question (models/interpretation.py), the most common first, since ties go to the first."""

UNITS = {"MB of float32": 1e6 / 4, "millions": 1e6, "MiB of float32": 2**20 / 4}
"""Number of parameters per unit that the Params column may be in."""

AXES = (*SPACE, "unit")
NEAR, SHOWN = 1000, 10
"""Number of best candidates that are compared with the best, and number that are written out."""


def search(
    claims: Iterable[Mapping[str, str]], variants: Mapping[str, "AnyVariant"], classes: int = 19
) -> dict[str, Any]:
    """Return the best candidates with their errors per cell, and the best candidate when each table is left out.

    `claims` are rows of data/paper/claims.csv, of which the paper's own MACs and parameters are used. Raises `BadInput`
    if there are none.
    """
    cells = distinct(claims, variants)
    if not cells:
        raise BadInput("data/paper/claims.csv has no MACs or parameters of a DFANet variant to fit; add a row")
    options = {part: list(_options(part)) for part in SPACE}
    costs = Costs(options, classes)
    errors = [_errors(cell, costs.of(variants[cell.variant], cell.size)) for cell in cells]
    score = np.broadcast_to(mean(errors), _shape(options))
    behind = Behind(cells, errors, lowest(score, 1)[0])
    near = [candidate for candidate in lowest(score, NEAR) if behind(candidate)[0] <= 0]
    chosen = min(near, key=lambda candidate: len(_changed(options, candidate)))  # ties go to the best score
    named = _named(options)

    def describe(candidate: Candidate) -> dict[str, Any]:
        found = [at(error, candidate) for error in errors]
        return _answers(options, candidate) | summary(cells, found) | {"behind": behind(candidate), "errors": found}

    return {
        "candidates_counted": int(score.size),
        "score": "mean of |counted / printed - 1| over the cells",
        "cells": [cell._asdict() | {"fitted_by": _axes_used(error)} for cell, error in zip(cells, errors, strict=True)],
        "best": describe(behind.best),
        "simplest_as_good": describe(chosen),
        "named": {name: describe(candidate) for name, candidate in named.items()},
        "candidates": [describe(candidate) for candidate in dict.fromkeys([*near[:SHOWN], chosen, *named.values()])],
        "questions": _questions(score, options),
        "without_table": {table: _without(table, options, cells, errors) for table in _tables(cells)},
    }


def distinct(claims: Iterable[Mapping[str, str]], variants: Mapping[str, "AnyVariant"]) -> list[Cell]:
    """Return the paper's MACs and parameters of DFANet's variants; a number that several tables repeat is one cell."""
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
        # Only the low-level path can be concatenated; a merge of both paths needs their sum.
        if not (part == "fusion" and option.merges_both and option.join == "concat"):
            yield option


def _errors(cell: Cell, cost: np.ndarray) -> np.ndarray:
    """Return counted / printed - 1 over `AXES`; an axis has length 1 if the cell does not depend on it."""
    if cell.quantity == "macs":
        return cost[0][..., None] / 1e9 / cell.paper - 1
    return cost[1][..., None] / np.array(list(UNITS.values())) / cell.paper - 1


def _candidate(options: Mapping[str, list], interpretation: Interpretation) -> Candidate:
    """Return the candidate for an interpretation, with Params in the first of `UNITS`."""
    return (*(options[part].index(getattr(interpretation, part)) for part in SPACE), 0)


def _named(options: Mapping[str, list]) -> dict[str, Candidate]:
    """Return the candidate for each name; if several names give the same candidate, only the first is kept."""
    named: dict[str, Candidate] = {}
    for name, interpretation in INTERPRETATIONS.items():
        candidate = _candidate(options, interpretation)
        if candidate not in named.values():
            named[name] = candidate
    return named


def _changed(options: Mapping[str, list], candidate: Candidate) -> dict[str, Any]:
    """Return the answers that differ from the interpretation `first`."""
    found = {}
    for part, index in zip(SPACE, candidate, strict=False):
        first, other = asdict(getattr(INTERPRETATIONS["first"], part)), asdict(options[part][index])
        found |= {f"{part}.{question}": other[question] for question in first if other[question] != first[question]}
    return found


def _answers(options: Mapping[str, list], candidate: Candidate) -> dict[str, Any]:
    interpretation = {part: asdict(options[part][index]) for part, index in zip(SPACE, candidate, strict=False)}
    unit = list(UNITS)[candidate[-1]]
    return {"interpretation": interpretation, "changed": _changed(options, candidate), "unit": unit}


def _axes_used(error: np.ndarray) -> list[str]:
    """Return the axes along which a cell's error varies, which are those that it helps to choose."""
    return [
        axis
        for axis, length in zip(AXES, error.shape, strict=True)
        if length > 1 and np.ptp(error, AXES.index(axis)).any()
    ]


def _questions(score: np.ndarray, options: Mapping[str, list]) -> dict[str, dict[str, float]]:
    """Return the best score of any candidate with each answer to each question."""
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
    """Return the tables that can be left out, because other tables still have cells."""
    named = sorted({table for cell in cells for table in cell.tables})
    return [table for table in named if any(table not in cell.tables for cell in cells)]


def _without(table: str, options: Mapping[str, list], cells: list[Cell], errors: list[np.ndarray]) -> dict[str, Any]:
    """Return the best candidate for the cells that `table` does not print, and its errors on those that it prints.

    Several candidates may be equally good without the table: `tied` is their number, and `tied_scores` are the lowest
    and the highest score that they have on the table's own cells.
    """
    left_out = [table in cell.tables for cell in cells]
    kept = mean([error for error, left in zip(errors, left_out, strict=True) if not left])
    held_out = mean([error for error, left in zip(errors, left_out, strict=True) if left])
    candidate = lowest(kept, 1)[0]
    printed = [(cell, at(error, candidate)) for cell, error, left in zip(cells, errors, left_out, strict=True) if left]
    shape = np.broadcast_shapes(kept.shape, held_out.shape, _shape(options))
    best = np.broadcast_to(kept, shape) == kept.min()
    scores = np.broadcast_to(held_out, shape)[best]
    tied = {"tied": int(best.sum()), "tied_scores": [float(scores.min()), float(scores.max())]}
    return _answers(options, candidate) | summary(*map(list, zip(*printed, strict=True))) | tied


def _shape(options: Mapping[str, list]) -> tuple[int, ...]:
    """The shape of all candidates: how many answers each part has, and how many units."""
    return (*map(len, options.values()), len(UNITS))
