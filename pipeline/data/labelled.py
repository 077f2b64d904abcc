"""The rows of a set of labelled frames: how each is read and checked, and what the manifest says of all of them."""

from pathlib import Path
from typing import Any

import numpy as np

from pipeline.config.data import Data
from pipeline.data.base import IGNORE, Class, Sample, Source
from pipeline.data.checks import check_labelled, checked_frame, checked_names, foreign
from pipeline.data.integrity import Seen, check_alike, check_names, check_new
from pipeline.data.registry import classes, open_source, splits


class Labelled:
    """A set to segment. Every frame must match the first one in size and kind.

    `like` has the arrays of the first frame, by the kind of file that they are written to.
    """

    what, at_once = "frames", 1

    def __init__(self, name: str, spec: Data, source: Source):
        self._name, self._spec, self._source, self._known = name, spec, source, classes(spec.kind)
        with foreign(f"listing the frames of data.{name}"):
            self.names = {split: checked_names(source.names(split), split, name) for split in splits(spec)}
        check_names(self.names)
        start = next(iter(self.names))
        self._first = _read(source, start, self.names[start][0], self._known)
        self.like, self._seen = _by_file(self._first), Seen()
        self._pixels = {split: np.zeros(len(self._known) + 1, np.int64) for split in self.names}

    def reopened(self) -> Source:
        """Return the set for another process, which must not share this one's open files."""
        return open_source(self._name, self._spec)

    def row(self, source: Source, split: str, row: int) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Return the checked arrays of one frame, and how many pixels each class and void have."""
        name = self.names[split][row]
        sample = _read(source, split, name, self._known)
        check_alike(sample, self._first, f"{split}/{name}")
        pixels = np.bincount(sample.label.ravel(), minlength=IGNORE + 1).tolist()
        return _by_file(sample), {"pixels": [*pixels[: len(self._known)], pixels[IGNORE]]}

    def take(self, split: str, row: int, digests: dict[str, str], said: dict[str, Any]) -> None:
        """Count what `row` said of a frame, in order. Raises `BadInput` if its image is in another split too."""
        check_new(self._seen, digests["images"], split, self.names[split][row])
        self._pixels[split] += said["pixels"]

    def result(self, sha256: dict[str, dict[str, str]], folder: Path) -> dict[str, Any]:
        """Return what the manifest says, given the digests of the files of each split."""
        for split, pixels in self._pixels.items():
            check_labelled(pixels[:-1].tolist(), split, self._name)
        notes = self._source.notes() if hasattr(self._source, "notes") else []
        entries = {split: self._entry(split) | {"sha256": sha256[split]} for split in self.names}
        return {"task": "segmentation", "classes": listed(self._known), "notes": notes, "splits": entries}

    def _entry(self, split: str) -> dict[str, Any]:
        *pixels, ignored = self._pixels[split].tolist()
        return {
            "count": len(self.names[split]),
            "size": list(self._first.label.shape),
            "names": self.names[split],
            "class_pixels": pixels,
            "ignored_pixels": ignored,
            "instances": self._first.instances is not None,
        }


def listed(known: tuple[Class, ...]) -> list[dict[str, Any]]:
    """Return classes as the manifest lists them."""
    return [{"name": entry.name, "colour": list(entry.colour)} for entry in known]


def _read(source: Source, split: str, name: str, known: tuple[Class, ...]) -> Sample:
    with foreign(f"reading the frame {split}/{name}"):
        return checked_frame(source.read(split, name), known, f"{split}/{name}")


def _by_file(sample: Sample) -> dict[str, np.ndarray]:
    arrays = {"images": sample.image, "labels": sample.label, "instances": sample.instances}
    return {kind: array for kind, array in arrays.items() if array is not None}
