"""The verdict on one claim."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from analysis.claims.claims import PAPER, Claim
from analysis.claims.evidence import UNIT_MEANINGS, Evidence
from analysis.results import conditions, statistics
from analysis.results.results import Results

REPRODUCED, NOT_REPRODUCED = "reproduced", "not reproduced"
OTHER, NOT_MEASURED = "other conditions", "not measured"
VERDICTS = (REPRODUCED, NOT_REPRODUCED, OTHER, NOT_MEASURED)


class Judgement(NamedTuple):
    verdict: str
    reason: str
    conditions: str = ""
    measured: float = np.nan
    low: float = np.nan
    high: float = np.nan
    error: float = np.nan
    read_as: str = ""
    """The meaning of the claim's unit, if it is not the literal one."""
    measured_variant: str = ""
    """The variant of the study that was measured; empty for counts, which belong to no study."""


def judge(claim: Claim, evidence: Evidence) -> Judgement:
    """Compare a claim with the evidence."""
    if not claim.variant:
        return Judgement(NOT_MEASURED, f"{claim.note}; takes a network of its own")
    return _JUDGES[claim.quantity](claim, evidence)


def _count(claim: Claim, evidence: Evidence) -> Judgement:
    """Judge MACs or parameters. The reason gives the meaning of the unit if it is not obvious."""
    meaning, because = evidence.meaning(claim)
    values = {name: evidence.count(claim) / one for name, one in UNIT_MEANINGS[claim.quantity].items()}
    why = ""
    if claim.quoted or claim.source != PAPER or claim.quantity == "parameters":
        all_of = " = ".join(f"{value:.4g} {name}" for name, value in values.items())
        why = f"; counted {all_of}; read as {meaning}, {because}"
    at = f" at {claim.size}" if claim.quantity == "macs" else ""
    made = f"{evidence.counted[claim.variant]['classes']} classes{at}"
    literal = meaning == next(iter(UNIT_MEANINGS[claim.quantity]))
    return _compared(claim, evidence, values[meaning], made, why)._replace(read_as="" if literal else meaning)


def _compared(claim: Claim, evidence: Evidence, measured: float, made: str, why: str = "") -> Judgement:
    """Judge a ratio that was measured under the claim's own conditions."""
    allowed, error = evidence.tolerances[claim.quantity].around(claim), measured / claim.value - 1
    within = abs(measured - claim.value) <= allowed
    ratio = "" if within else f", measured / paper is {measured / claim.value:.2f}"
    reason = f"{_percent(error)} where {100 * allowed / claim.value:.1f} % is allowed, rounding included{ratio}{why}"
    return Judgement(REPRODUCED if within else NOT_REPRODUCED, reason, made, measured, error=error)


def _percent(share: float) -> str:
    return f"{100 * share:+.1f} %"


def _miou(claim: Claim, evidence: Evidence) -> Judgement:
    found = evidence.found
    name = evidence.measured(claim)
    if found is None or not found.any_runs or name is None:
        server = " and its evaluation server, which alone holds the labels" if claim.split == "test" else ""
        server = server if claim.data == "cityscapes" else ""
        return Judgement(NOT_MEASURED, f"takes {claim.data}{server}, and GPUs to train by {_recipe(claim)}")
    miou = 100 * found.scores.loc[name, "miou"].to_numpy()
    interval = statistics.over_seeds(miou)
    doubts = "".join(f"; {doubt}" for doubt in conditions.doubts(found, name))
    measured = {
        "conditions": conditions.short(found),
        "measured": miou.mean(),
        "low": interval.low,
        "high": interval.high,
        "measured_variant": name,
    }
    differing = _differing(claim, found, name)
    if differing:
        return Judgement(OTHER, "; ".join(differing) + doubts, **measured)
    allowed, error = evidence.tolerances["miou"].around(claim), miou.mean() - claim.value
    verdict = REPRODUCED if abs(error) <= allowed else NOT_REPRODUCED
    reach = "" if np.isnan(interval.low) else f", 95 % over seeds {interval.low:.1f} to {interval.high:.1f}"
    reason = f"{error:+.1f} points where {allowed:.2f} are allowed, rounding included{reach}{doubts}"
    return Judgement(verdict, reason, error=error, **measured)


def _recipe(claim: Claim) -> str:
    return "its own paper's recipe" if claim.quoted else "the paper's recipe"


def _differing(claim: Claim, found: Results, name: str) -> list[str]:
    """The differences between a study's conditions and those of a claim on mIoU, in words."""
    study, training = found.study, found.training
    sizes = [conditions.size(training[key]) for key in ("crop_size", "frame_size")]
    recipe = f"{training['epochs']} epochs in batches of {training['batch_size']} (recipe {study.recipe})"
    pairs = [
        (name == claim.variant, f"variant {name}", claim.variant),
        (study.data == claim.data, study.data, claim.data),
        (found.scored["split"] == claim.split, f"split {found.scored['split']}", claim.split),
        (claim.size in sizes, f"frames of {sizes[1]}", claim.size),
        (study.recipe == "paper" and not claim.quoted, recipe, _recipe(claim)),
        (study.images == "imagenet", f"pretrained on {study.images}", "on imagenet"),
    ]
    return [f"{ours}, not {theirs}" for same, ours, theirs in pairs if not same]


def _time(claim: Claim, evidence: Evidence) -> Judgement:
    device = f"a {claim.device or 'device that the paper does not name'}"
    latency = evidence.found.latency if evidence.found else {"rows": []}
    timed = evidence.measured(claim)
    rows = [row for row in latency["rows"] if row["variant"] == timed]
    if not rows:
        return Judgement(NOT_MEASURED, f"takes {device}, and a study that times it at {claim.size}")
    row = next((row for row in rows if row["mode"] == "eager float32"), rows[0])
    name, at = latency["device"]["name"], conditions.size(row.get("size", latency["size"]))
    made = f"{row['mode']}, batch {latency['batch']}, {at} on {name}"
    measured = row["median_ms"] if claim.quantity == "time" else row["fps"]
    differing = [f"variant {timed}, not {claim.variant}"] if timed != claim.variant else []
    differing += [f"on {name}, not {device}"] if not claim.device or claim.device not in name else []
    differing += [f"at {at}, not {claim.size}"] if at != claim.size else []
    unstable = "" if row["stable"] else "; unstable: the halves of the record differ too much"
    if differing:
        return Judgement(OTHER, "; ".join(differing) + unstable, made, measured, measured_variant=timed)
    return _compared(claim, evidence, measured, made, unstable)._replace(measured_variant=timed)


_JUDGES: dict[str, Callable[[Claim, Evidence], Judgement]] = {
    "macs": _count,
    "parameters": _count,
    "miou": _miou,
    "time": _time,
    "fps": _time,
}
