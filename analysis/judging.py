"""The verdict on one claim.

Two units are not what they seem, and are found out by counting. "FLOPs" are multiply-accumulates (MACs) in some papers
and twice as many in others: a paper's unit is the one that fits its own networks best, and a number quoted from
another paper has that paper's unit. "Params" in M is millions in some papers and megabytes of float32 in others: the
paper's own are megabytes (its whole column fits), of a peer's the nearer of the two is taken, and the reason says so.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from analysis import conditions, statistics
from analysis.claims import PAPER, Claim, Tolerance
from analysis.results import Results
from pipeline.errors import BadInput

REPRODUCED, NOT_REPRODUCED = "reproduced", "not reproduced"
OTHER, NOT_MEASURED = "other conditions", "not measured"
VERDICTS = (REPRODUCED, NOT_REPRODUCED, OTHER, NOT_MEASURED)

FLOPS = {1: "MACs", 2: "FLOPs, two a MAC"}
"""What a G may count, by its factor to MACs."""

Counted = dict[str, Any]
"""Of one variant: classes, parameters, megabytes of float32, and `at` each size its macs."""


class Judgement(NamedTuple):
    verdict: str
    reason: str
    conditions: str = ""
    measured: float = np.nan
    low: float = np.nan
    high: float = np.nan
    error: float = np.nan


@dataclass(frozen=True)
class Evidence:
    """What claims are held against: counts by variant, and a study's results or None."""

    claims: list[Claim]
    tolerances: dict[str, Tolerance]
    counted: dict[str, Counted]
    found: Results | None

    def check(self, fitted: Collection[str]) -> None:
        """`BadInput` if a claimed variant was not counted at its size, or a fitted cell is no claim."""
        for claim in self.claims:
            if claim.variant and claim.quantity in ("macs", "parameters"):
                at = self.counted.get(claim.variant, {}).get("at", {})
                if claim.size not in at:
                    raise BadInput(
                        f"claim {claim.id} is for {claim.variant} at {claim.size}, which results/paper/complexity.json "
                        "does not hold; count it again: `python -m pipeline paper`"
                    )
        unknown = sorted(set(fitted) - {claim.id for claim in self.claims})
        if unknown:
            raise BadInput(
                f'results/paper/readings.json was fitted to "{unknown[0]}", which is no claim of data/paper/claims.csv; '
                "run it again: `python -m pipeline readings`"
            )

    @cached_property
    def factors(self) -> dict[str, int]:
        """By source, what its FLOPs count of a MAC: the factor with the smallest median error over its own networks."""
        own: dict[str, list[float]] = {}
        for claim in self.claims:
            if claim.quantity == "macs" and claim.variant and not claim.quoted:
                own.setdefault(claim.source, []).append(np.log(self.gmacs(claim) / claim.value))
        return {
            source: min(FLOPS, key=lambda factor: np.median(np.abs(np.array(logs) + np.log(factor))))
            for source, logs in own.items()
        }

    def gmacs(self, claim: Claim) -> float:
        return self.counted[claim.variant]["at"][claim.size]["macs"] / 1e9

    def origin(self, claim: Claim) -> str:
        """The paper whose unit a claim on MACs is in: for a quoted one the peer's own, where that claims any."""
        others = [
            each.source
            for each in self.claims
            if each.variant == claim.variant and each.quantity == claim.quantity and each.source != PAPER
        ]
        return others[0] if claim.quoted and others else claim.source


def judge(claim: Claim, evidence: Evidence) -> Judgement:
    """Hold a claim against the evidence."""
    if not claim.variant:
        return Judgement(NOT_MEASURED, f"{claim.note}; takes a network of its own")
    return _JUDGES[claim.quantity](claim, evidence)


def _macs(claim: Claim, evidence: Evidence) -> Judgement:
    gmacs, origin = evidence.gmacs(claim), evidence.origin(claim)
    factor = 1 if "Multiply" in claim.column else evidence.factors.get(origin, 1)
    allowed, other = evidence.tolerances["macs"].around(claim), 3 - factor
    why = ""
    if claim.source != PAPER or claim.quoted:
        why = f"; {origin} counts {FLOPS[factor]}, as its own networks show"
        if abs(other * gmacs - claim.value) < min(allowed, abs(factor * gmacs - claim.value)):
            why = f"; read as {FLOPS[other]} it would be {other * gmacs:.3g} G and fit"
    return _compared(claim, evidence, factor * gmacs, _counted(claim, evidence), why)


def _parameters(claim: Claim, evidence: Evidence) -> Judgement:
    count = evidence.counted[claim.variant]["parameters"]
    readings = {"M": count / 1e6, "MB": 4 * count / 1e6, "MiB": 4 * count / 2**20}
    units = ("MB",) if claim.unit == "MB" or not (claim.quoted or claim.source != PAPER) else ("M", "MB")
    unit = min(units, key=lambda name: abs(readings[name] - claim.value))
    names = {"M": "millions", "MB": "megabytes of float32"}
    why = f"; {readings['M']:.3g} M parameters are {readings['MB']:.3g} MB of float32: read as {names[unit]}"
    if unit == "MB" and abs(readings["MiB"] - claim.value) < abs(readings["MB"] - claim.value):
        why += f" (at 2^20 bytes {readings['MiB']:.3g})"
    return _compared(claim, evidence, readings[unit], _counted(claim, evidence), why)


def _counted(claim: Claim, evidence: Evidence) -> str:
    at = f" at {claim.size}" if claim.quantity == "macs" else ""
    return f"{evidence.counted[claim.variant]['classes']} classes{at}"


def _compared(claim: Claim, evidence: Evidence, measured: float, made: str, why: str = "") -> Judgement:
    """The verdict on a ratio under the claim's own conditions."""
    allowed, error = evidence.tolerances[claim.quantity].around(claim), measured / claim.value - 1
    within = abs(measured - claim.value) <= allowed
    ratio = "" if within else f", measured / paper is {measured / claim.value:.2f}"
    reason = f"{error:+.1%} where {allowed / claim.value:.1%} is allowed, rounding included{ratio}{why}"
    return Judgement(REPRODUCED if within else NOT_REPRODUCED, reason, made, measured, error=error)


def _miou(claim: Claim, evidence: Evidence) -> Judgement:
    found = evidence.found
    if found is None or claim.variant not in found.study.variants:
        server = " and its evaluation server, which alone holds the labels" if claim.split == "test" else ""
        server = server if claim.data == "cityscapes" else ""
        return Judgement(NOT_MEASURED, f"takes {claim.data}{server}, and GPUs to train by the paper's recipe")
    miou = 100 * found.scores.loc[claim.variant, "miou"].to_numpy()
    interval = statistics.over_seeds(miou)
    floor = "; below the floor: undertrained" if claim.variant in found.undertrained else ""
    measured = {"conditions": conditions.short(found), "measured": miou.mean(), "low": interval.low, "high": interval.high}
    differing = _differing(claim, found)
    if differing:
        return Judgement(OTHER, "; ".join(differing) + floor, **measured)
    allowed, error = evidence.tolerances["miou"].around(claim), miou.mean() - claim.value
    verdict = REPRODUCED if abs(error) <= allowed else NOT_REPRODUCED
    reach = "" if np.isnan(interval.low) else f", 95 % over seeds {interval.low:.1f} to {interval.high:.1f}"
    reason = f"{error:+.1f} points where {allowed:.2f} are allowed, rounding included{reach}{floor}"
    return Judgement(verdict, reason, error=error, **measured)


def _differing(claim: Claim, found: Results) -> list[str]:
    """How a study's conditions differ from a mIoU claim's, in words."""
    study, training = found.study, found.training
    sizes = [conditions.size(training[key]) for key in ("input_size", "frame_size")]
    recipe = f"{training['epochs']} epochs in batches of {training['batch']} (recipe {study.recipe})"
    pairs = [
        (study.data == claim.data, study.data, claim.data),
        (found.scored["split"] == claim.split, f"split {found.scored['split']}", claim.split),
        (claim.size in sizes, f"frames of {sizes[1]}", claim.size),
        (study.recipe == "paper", recipe, "the paper's recipe"),
        (study.images == "imagenet", f"pretrained on {study.images}", "on imagenet"),
    ]
    return [f"{ours}, not {theirs}" for same, ours, theirs in pairs if not same]


def _time(claim: Claim, evidence: Evidence) -> Judgement:
    device = claim.device or "a device that the paper does not name"
    latency = evidence.found.latency if evidence.found else {"rows": []}
    rows = [row for row in latency["rows"] if row["variant"] == claim.variant]
    if not rows:
        return Judgement(NOT_MEASURED, f"takes {device}, and a study that times it at {claim.size}")
    row = next((row for row in rows if row["mode"] == "eager float32"), rows[0])
    name, at = latency["device"]["name"], conditions.size(latency["size"])
    made = f"{row['mode']}, batch {latency['batch']}, {at} on {name}"
    measured = row["median_ms"] if claim.quantity == "time" else row["fps"]
    differing = [f"on {name}, not {device}"] if not claim.device or claim.device not in name else []
    differing += [f"at {at}, not {claim.size}"] if at != claim.size else []
    if differing:
        return Judgement(OTHER, "; ".join(differing), made, measured)
    return _compared(claim, evidence, measured, made)


_JUDGES: dict[str, Callable[[Claim, Evidence], Judgement]] = {
    "macs": _macs,
    "parameters": _parameters,
    "miou": _miou,
    "time": _time,
    "fps": _time,
}
