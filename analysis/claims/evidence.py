"""The measurements that claims are compared with, and the meaning of the claims' units.

Two units are ambiguous. "FLOPs" are multiply-accumulates (MACs) in some papers and twice as many in others. "Params" in
M are millions in some papers and megabytes of float32 in others. The meaning of a paper's unit is the one that fits the
paper's own networks best. MACs quoted from another paper are in that paper's unit. The unit of quoted parameters is
chosen for each cell, because the paper's table mixes units.
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
"""Possible meanings of a printed unit, each with its number of MACs or parameters. Gi is 2^30, MiB is 2^20 bytes."""

LITERAL = "as it says"
"""The reason of a meaning that was not chosen."""


def _without_interpretation(network: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in network.items() if key != "interpretation"}


Counted = dict[str, Any]
"""Counts of one variant: classes, parameters that a forward pass at test time uses, and the MACs `at` each size."""


@dataclass(frozen=True)
class Evidence:
    """What claims are compared with: counts by variant, a study's results or None, and each claimed network."""

    claims: list[Claim]
    tolerances: dict[str, Tolerance]
    counted: dict[str, Counted]
    found: Results | None
    networks: Mapping[str, dict[str, Any]] = field(default_factory=dict)

    def measured(self, claim: Claim) -> str | None:
        """The study's variant for a claim: the claimed one, or the same network by another interpretation."""
        if self.found is None or claim.variant in self.found.study.variants:
            return claim.variant if self.found else None
        wanted = _without_interpretation(self.networks.get(claim.variant, {}))
        alike = (name for name, network in self.found.networks.items() if _without_interpretation(network) == wanted)
        return next(alike, None) if wanted else None

    def check(self, fitted: Collection[str]) -> None:
        """Raise `BadInput` if a claimed variant was not counted at its size, or a fitted cell belongs to no claim."""
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
        """The counted MACs or parameters for a claim."""
        counted = self.counted[claim.variant]
        return counted["parameters"] if claim.quantity == "parameters" else counted["at"][claim.size]["macs"]

    def error(self, claim: Claim, meaning: str) -> float:
        """Measured / paper - 1, for one meaning of the claim's unit."""
        return self.count(claim) / UNIT_MEANINGS[claim.quantity][meaning] / claim.value - 1

    @cached_property
    def units(self) -> dict[tuple[str, str], str]:
        """By source and quantity, the meaning with the smallest median error over the source's own networks.

        With only one network there is nothing to compare, so the first meaning, the literal one, is used.
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
        """The meaning of a claim's unit, and the reason."""
        if "Multiply" in claim.column:
            return "G MACs", LITERAL
        if claim.unit == "MB":
            return "MB of float32", LITERAL
        if claim.quoted and claim.quantity == "parameters":
            nearest = min(UNIT_MEANINGS["parameters"], key=lambda name: abs(np.log1p(self.error(claim, name))))
            return nearest, "the nearest, because the column mixes units"
        source, first = self._origin(claim), next(iter(UNIT_MEANINGS[claim.quantity]))
        unit = self.units[source, claim.quantity]
        return unit, LITERAL if unit == first else f"by {source}'s own networks"

    def chose_unit(self, claim: Claim) -> bool:
        """Whether the unit of a count was chosen because it fits."""
        return bool(claim.variant) and claim.quantity in UNIT_MEANINGS and self.meaning(claim)[1] != LITERAL

    def _origin(self, claim: Claim) -> str:
        """The paper whose unit a claim on MACs has. For a quoted number it is the peer's own, if that prints any."""
        same = [each for each in self.claims if (each.variant, each.quantity) == (claim.variant, claim.quantity)]
        others = [each.source for each in same if each.source != PAPER]
        return others[0] if claim.quoted and others else claim.source
