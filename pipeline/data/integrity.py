"""Integrity checks across the files of a data set, and the Markdown report about them."""

from typing import Any

from pipeline.data.base import Sample
from pipeline.utils.errors import BadInput
from pipeline.utils.text import markdown

ONE_SPLIT = "remove it from one of them, because a score must not count frames that were trained on"

CHECKED = {
    "segmentation": (
        "All files can be read. Every image has a label of the same size, all frames have the same size, every label "
        "is a class or void, each split has labelled pixels, and no frame is in two splits (compared by name and by "
        "pixels)."
    ),
    "classification": "All images can be decoded, and every class in val also occurs in train.",
}


class Seen:
    """Remembers the pixels of all images so far, to find an image that occurs in two splits under any name."""

    def __init__(self) -> None:
        self._places: dict[bytes, tuple[str, str]] = {}

    def elsewhere(self, sha256: str, split: str, name: str) -> list[str]:
        """Add an image, by the digest of its pixels; return a list with the image of another split that has the same
        pixels, or an empty list."""
        other, twin = self._places.setdefault(bytes.fromhex(sha256), (split, name))
        return [f"{other}/{twin}"] if other != split else []


def check_names(names: dict[str, list[str]]) -> None:
    """Raise `BadInput` if a frame name occurs in two splits."""
    owner: dict[str, str] = {}
    for split in names:
        for name in names[split]:
            if owner.setdefault(name, split) != split:
                raise BadInput(f"the frame {name} is in the splits {owner[name]} and {split}; {ONE_SPLIT}")


def check_new(seen: Seen, sha256: str, split: str, name: str) -> None:
    """Raise `BadInput` if an image, given by the digest of its pixels, is a frame of another split too."""
    for twin in seen.elsewhere(sha256, split, name):
        raise BadInput(f"the frame {split}/{name} has the same pixels as {twin}; {ONE_SPLIT}")


def check_alike(sample: Sample, first: Sample, frame: str) -> None:
    """Raise `BadInput` if a frame differs from the first one in size, or if only one of them has instances."""
    (rows, columns), (wanted_rows, wanted_columns) = sample.label.shape, first.label.shape
    if (rows, columns) != (wanted_rows, wanted_columns):
        raise BadInput(
            f"the frame {frame} is {columns}x{rows} pixels, but the first frame is {wanted_columns}x{wanted_rows}; "
            "all frames of a set must have the same size: resize it, or remove it from its split"
        )
    if (sample.instances is None) != (first.instances is None):
        has = "lacks" if sample.instances is None else "has"
        raise BadInput(
            f"the frame {frame} {has} instances, unlike the first frame; provide them for all frames or for none"
        )


def report(name: str, result: dict[str, Any]) -> str:
    """Return a Markdown report of a manifest: counts, class frequencies and checksums.

    The report contains neither times nor paths, so equal data gives equal reports.
    """
    splits = result["splits"]
    parts = [
        f"# {name}: integrity",
        CHECKED[result["task"]],
        *map(markdown, result["notes"]),
        _counts(result),
        _frequencies(result),
    ]
    sums = [f"{digest}  {file}" for entry in splits.values() for file, digest in entry["sha256"].items()]
    parts += ["## SHA-256 of the arrays", "\n".join(["```", *sums, "```"])]
    return "\n\n".join(parts) + "\n"


def _counts(result: dict[str, Any]) -> str:
    segmentation = result["task"] == "segmentation"
    head = ["split", "frames" if segmentation else "images", "size"] + ["void, % of pixels", "instances"] * segmentation
    rows = []
    for split, entry in result["splits"].items():
        row = [split, str(entry["count"]), f"{entry['size'][1]}x{entry['size'][0]}"]
        if segmentation:
            pixels = sum(entry["class_pixels"]) + entry["ignored_pixels"]
            row += [_percent(entry["ignored_pixels"], pixels), "yes" if entry["instances"] else "no"]
        rows.append(row)
    return _table(head, rows)


def _frequencies(result: dict[str, Any]) -> str:
    key, what = ("class_pixels", "labelled pixels") if result["task"] == "segmentation" else ("class_images", "images")
    counts = [entry[key] for entry in result["splits"].values()]
    rows = [
        [str(number), markdown(entry["name"]), *(_percent(count[number], sum(count)) for count in counts)]
        for number, entry in enumerate(result["classes"])
    ]
    return f"## Classes, % of {what}\n\n" + _table(["id", "class", *result["splits"]], rows)


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2f}" if whole else "none"


def _table(head: list[str], rows: list[list[str]]) -> str:
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows))
