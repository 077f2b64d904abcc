"""Where the paper disagrees with itself."""

from collections import defaultdict

from analysis.claims.claims import PAPER, Claim


def contradictions(claims: list[Claim]) -> list[str]:
    """One sentence for each number that differs between two tables, and for each time that is not 1 / fps."""
    own = [claim for claim in claims if claim.source == PAPER]
    return [*_between_tables(own), *_times(own)]


def _between_tables(claims: list[Claim]) -> list[str]:
    """Numbers of the same quantity, network and conditions that are printed differently."""
    cells: dict[tuple[str, ...], list[Claim]] = defaultdict(list)
    for claim in claims:
        if claim.variant:
            cells[claim.variant, claim.quantity, claim.size, claim.data, claim.split].append(claim)
    return [
        f"{same[0].quantity} of {variant}: " + ", ".join(f"{_cell(claim)} in {claim.place}" for claim in same) + "."
        for (variant, *_), same in cells.items()
        if len({claim.value for claim in same}) > 1
    ]


def _times(claims: list[Claim]) -> list[str]:
    """Times and frame rates whose product is not 1000, even after allowing for the rounding of both."""
    rows: dict[tuple[str, str], dict[str, Claim]] = defaultdict(dict)
    for claim in claims:
        rows[claim.place, claim.row][claim.quantity] = claim
    sentences = []
    for (place, row), cells in rows.items():
        if {"time", "fps"} <= set(cells):
            time, fps = cells["time"], cells["fps"]
            if not _agree(_rounded(time), _rounded(fps)):
                why = ", unless both were truncated instead of rounded" if _agree(_cut(time), _cut(fps)) else ""
                sentences.append(
                    f"{place}, {row}: {_cell(time)} per frame would be {1000 / time.value:.3g} frames per second, "
                    f"not {fps.printed}{why}."
                )
    return sentences


def _agree(time: tuple[float, float], fps: tuple[float, float]) -> bool:
    return 1000 / time[1] <= fps[1] and fps[0] <= 1000 / time[0]


def _rounded(claim: Claim) -> tuple[float, float]:
    return claim.value - claim.rounding, claim.value + claim.rounding


def _cut(claim: Claim) -> tuple[float, float]:
    return claim.value, claim.value + 2 * claim.rounding


def _cell(claim: Claim) -> str:
    return f"{claim.printed} {claim.unit}"
