"""What claims are held against, and what their units stand for.

Two units are not what they seem, and are found out by counting. "FLOPs" are multiply-accumulates (MACs) in some papers
and twice as many in others; "Params" in M are millions in some and megabytes of float32 in others. What a paper's unit
stands for is the meaning that fits its own networks best. MACs quoted from another paper are in that paper's unit;
quoted parameters are read cell by cell, because the paper's table mixes them.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from analysis.claims.claims import PAPER, Claim, Tolerance
from analysis.results.results import Results
from pipeline.utils.errors import BadInput, did_you_mean

UNIT_MEANINGS = {
    "macs": {"G MACs": 1e9, "Gi MACs": 2**30, "G FLOPs (two a MAC)": 1e9 / 2},
    "parameters": {"M": 1e6, "MB of float32": 1e6 / 4, "MiB of float32": 2**20 / 4},
}
"""What a printed unit may stand for, and how many MACs or parameters one of it is. Gi is 2^30, MiB 2^20 bytes."""


def _without_interpretation(network: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in network.items() if key != "interpretation"}


Counted = dict[str, Any]
"""Of one variant: classes, parameters (those that a forward pass at test time uses), and `at` each size its macs."""


@dataclass(frozen=True)
class Evidence:
    """What claims are held against: counts by variant, a study's results or None, and what each
    claimed network is."""

    claims: list[Claim]
    tolerances: dict[str, Tolerance]
    counted: dict[str, Counted]
    found: Results | None
    networks: Mapping[str, dict[str, Any]] = field(default_factory=dict)

    def measured(self, claim: Claim) -> str | None:
        """The study's variant that a claim is held against: the claimed one, or the same by another interpretation."""
        if self.found is None or claim.variant in self.found.study.variants:
            return claim.variant if self.found else None
        wanted = _without_interpretation(self.networks.get(claim.variant, {}))
        alike = (name for name, network in self.found.networks.items() if _without_interpretation(network) == wanted)
        return next(alike, None) if wanted else None

    def check(self, fitted: Collection[str]) -> None:
        """`BadInput` if a claimed variant was not counted at its size, or a fitted cell is no claim."""
        for claim in self.claims:
            at = self.counted.get(claim.variant, {}).get("at", {})
            if claim.variant and (not at or claim.quantity in UNIT_MEANINGS and claim.size not in at):
                near = did_you_mean(claim.variant, self.counted) if not at else ""
                raise BadInput(
                    f"claim {claim.id} is for {claim.variant}{near} at {claim.size}, "
                    "which results/paper/complexity.json "
                    "does not hold; name a variant of params.yaml, or count again: `python -m pipeline paper`"
                )
        unknown = sorted(set(fitted) - {claim.id for claim in self.claims})
        if unknown:
            raise BadInput(
                f'results/paper/interpretations.json was fitted to "{unknown[0]}", which data/paper/claims.csv lacks; '
                "run it again: `python -m pipeline interpretations`"
            )

    def count(self, claim: Claim) -> int:
        """The MACs or parameters of what a claim is for."""
        counted = self.counted[claim.variant]
        return counted["parameters"] if claim.quantity == "parameters" else counted["at"][claim.size]["macs"]

    def error(self, claim: Claim, meaning: str) -> float:
        """Measured / paper - 1 under a meaning of the claim's unit."""
        return self.count(claim) / UNIT_MEANINGS[claim.quantity][meaning] / claim.value - 1

    @cached_property
    def units(self) -> dict[tuple[str, str], str]:
        """By source and quantity, the meaning with the smallest median error over the source's own networks.

        One network alone shows nothing: such a source is taken at its word, the first meaning.
        """
        own: dict[tuple[str, str], list[Claim]] = {}
        for claim in self.claims:
            if claim.quantity in UNIT_MEANINGS and claim.variant and not claim.quoted:
                own.setdefault((claim.source, claim.quantity), []).append(claim)
        return {key: self._fitting(cells) for key, cells in own.items()}

    def _fitting(self, cells: list[Claim]) -> str:
        meanings = list(UNIT_MEANINGS[cells[0].quantity])[: None if len({cell.variant for cell in cells}) > 1 else 1]
        return min(meanings, key=lambda name: np.median([abs(np.log1p(self.error(cell, name))) for cell in cells]))

    def meaning(self, claim: Claim) -> tuple[str, str]:
        """How a claim's unit is read, and why."""
        if "Multiply" in claim.column:
            return "G MACs", "as it says"
        if claim.unit == "MB":
            return "MB of float32", "as it says"
        if claim.quoted and claim.quantity == "parameters":
            nearest = min(UNIT_MEANINGS["parameters"], key=lambda name: abs(np.log1p(self.error(claim, name))))
            return nearest, "the nearest, because the column mixes units"
        source, first = self._origin(claim), next(iter(UNIT_MEANINGS[claim.quantity]))
        unit = self.units[source, claim.quantity]
        return unit, "as it says" if unit == first else f"by {source}'s own networks"

    def _origin(self, claim: Claim) -> str:
        """The paper whose unit a claim on MACs is in: for a quoted one the peer's own, where that claims any."""
        same = [each for each in self.claims if (each.variant, each.quantity) == (claim.variant, claim.quantity)]
        others = [each.source for each in same if each.source != PAPER]
        return others[0] if claim.quoted and others else claim.source
