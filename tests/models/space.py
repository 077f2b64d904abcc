"""The space of variants, as Figure 2, Table 2 and Table 4 span it: which points exist, and which are tested."""

from itertools import combinations, product

from models.space import SINGLE_NETWORK, STRUCTURES

AXES = {
    "structure": STRUCTURES,
    "backbone": ("xception-a", "xception-b", "resnet-50"),
    "attention": ("fc", "none"),
    "networks": (1, 2, 3, 4),
    "decoder": ("none", "HL", "HL+LL"),
}
POINTS = [dict(zip(AXES, values, strict=True)) for values in product(*AXES.values())]


def exists(point: dict) -> bool:
    """Whether a point is a network.

    There is one network exactly where nothing is aggregated. Branches meet in a decoder. A ResNet is neither aggregated
    nor fused.
    """
    alone = point["structure"] in SINGLE_NETWORK
    fused = point["structure"] != "a" or point["decoder"] != "none"
    plain = point["backbone"] != "resnet-50" or (alone and point["decoder"] == "none")
    return alone == (point["networks"] == 1) and fused and plain


SHARE = r"decoder\.((high|low)\.reduce\.\d+\.1|merge\.1|merge\.1\.1)\.weight"
"""Norms that start with their share of the decoder's sum, which differs with the number of terms."""

ALLOWED = [point for point in POINTS if exists(point)]
FORBIDDEN = [point for point in POINTS if not exists(point)]


def pairs(point: dict) -> set[tuple]:
    """Every pair of the point's choices on two axes."""
    return set(combinations(point.items(), 2))


def pairwise(points: list[dict]) -> list[dict]:
    """Some of the points, chosen greedily so that every pair of choices that occurs among all of them still occurs."""
    chosen, missing = [], set().union(*map(pairs, points))
    while missing:
        chosen.append(max(points, key=lambda point: len(pairs(point) & missing)))
        missing -= pairs(chosen[-1])
    return chosen


TESTED = pairwise(ALLOWED)


def name(point: dict) -> str:
    return " ".join(str(value) for value in point.values())
