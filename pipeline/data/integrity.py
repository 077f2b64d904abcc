"""What makes a data set fit to be trained and scored on: the checks across files, and the report for people."""

import hashlib
from typing import Any

import numpy as np

from pipeline.data.base import Sample
from pipeline.utils.errors import BadInput

ONE_SPLIT = "a score would count frames that were trained on, so take it out of one of the two"

CHECKED = {
    "segmentation": (
        "Each file can be read. Every image has its label, image and label have one size, all frames have one size, "
        "every label is a class or void, and no frame is in two splits (by name, and by pixels)."
    ),
    "classification": "Each image can be decoded, and its class is one of train's.",
}


class Seen:
    """The content of the images so far, to find one that is in two splits under whatever name."""

    def __init__(self) -> None:
        self._places: dict[bytes, tuple[str, str]] = {}

    def elsewhere(self, image: np.ndarray, split: str, name: str) -> list[str]:
        """Add an image; return the image of another split that has the same pixels, if there is one."""
        other, twin = self._places.setdefault(hashlib.sha256(image.tobytes()).digest(), (split, name))
        return [f"{other}/{twin}"] if other != split else []


def check_names(names: dict[str, list[str]]) -> None:
    """`BadInput` if a name is in two splits."""
    owner: dict[str, str] = {}
    for split in names:
        for name in names[split]:
            if owner.setdefault(name, split) != split:
                raise BadInput(f"the frame {name} is in the split {owner[name]} and in {split}; {ONE_SPLIT}")


def check_new(seen: Seen, image: np.ndarray, split: str, name: str) -> None:
    """`BadInput` if an image's pixels are those of a frame of another split."""
    for twin in seen.elsewhere(image, split, name):
        raise BadInput(f"the frame {split}/{name} has the same pixels as {twin}; {ONE_SPLIT}")


def check_alike(sample: Sample, first: Sample, frame: str) -> None:
    """`BadInput` if a frame has another size than the set's first, or only one of the two has instances."""
    (rows, columns), (wanted_rows, wanted_columns) = sample.label.shape, first.label.shape
    if (rows, columns) != (wanted_rows, wanted_columns):
        raise BadInput(
            f"the frame {frame} is {columns}x{rows} pixels, but the first is {wanted_columns}x{wanted_rows}; "
            "all frames of a set must have one size: resize it, or take it out of its split"
        )
    if (sample.instances is None) != (first.instances is None):
        has = "lacks" if sample.instances is None else "has"
        raise BadInput(f"the frame {frame} {has} instances, unlike the first; give them to all frames or to none")


def report(name: str, result: dict[str, Any]) -> str:
    """Return Markdown: counts, class frequencies and checksums of what `prepare` returned. No time, no path."""
    splits = result["splits"]
    parts = [
        f"# {name}: integrity",
        CHECKED[result["task"]],
        *result["notes"],
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
        [str(number), entry["name"], *(_percent(count[number], sum(count)) for count in counts)]
        for number, entry in enumerate(result["classes"])
    ]
    return f"## Classes, % of {what}\n\n" + _table(["id", "class", *result["splits"]], rows)


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2f}" if whole else "none"


def _table(head: list[str], rows: list[list[str]]) -> str:
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows))
