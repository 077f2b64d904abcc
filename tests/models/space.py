"""The space of variants, as Figure 2, Table 2 and Table 4 span it: which points exist, and which do not."""

from itertools import product

AXES = {
    "structure": ("single", "a", "b", "c", "d"),
    "backbone": ("xception-a", "xception-b", "resnet-50"),
    "attention": ("fc", "none"),
    "networks": (1, 2, 3, 4),
    "decoder": ("none", "HL", "HL+LL"),
}
POINTS = [dict(zip(AXES, values, strict=True)) for values in product(*AXES.values())]


def exists(point: dict) -> bool:
    """One network exactly where nothing is aggregated; branches meet in a decoder; a ResNet is neither aggregated nor
    fused."""
    alone = point["structure"] in ("single", "b")
    fused = point["structure"] != "a" or point["decoder"] != "none"
    plain = point["backbone"] != "resnet-50" or (alone and point["decoder"] == "none")
    return alone == (point["networks"] == 1) and fused and plain


SHARE = r"decoder\.((high|low)\.reduce\.\d+\.1|merge\.1|merge\.1\.1)\.weight"
"""Norms of what the decoder adds: they start with their share of the sum, which differs with the number of terms."""

ALLOWED = [point for point in POINTS if exists(point)]
FORBIDDEN = [point for point in POINTS if not exists(point)]


def name(point: dict) -> str:
    return " ".join(str(value) for value in point.values())
