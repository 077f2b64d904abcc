"""The rows of a set of images to classify: how each is read, and what the manifest says of all of them."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.config.data import Data
from pipeline.data.checks import checked_classes
from pipeline.data.integrity import Seen
from pipeline.data.labelled import listed
from pipeline.data.reader import FILES
from pipeline.data.registry import Images, open_source, splits
from pipeline.data.sets.images import ImageSet
from pipeline.utils.errors import BadInput
from pipeline.utils.files import size

MOST_CLASSES = 100_000
"""Classes of a set of images; ImageNet-21k has 21,841."""

TWINS = 20
"""Number of images in both splits that the report lists. Published sets contain some, so they are not an error."""


class Classified:
    """A set to classify. If its pixels need more than `room` bytes, its images stay the files that they are.

    `like` has the arrays of one image, by the kind of file that they are written to.
    """

    what, at_once = "images", 32

    def __init__(self, name: str, spec: Data, source: Images, room: int):
        self._name, self._spec, self._source, self._known = name, spec, source, source.classes
        checked_classes(self._known, str(spec.directory if spec.kind == "images" else name), MOST_CLASSES)
        self.names = {split: source.names(split) for split in splits(spec)}
        self.as_files = _stays_files(source, sum(map(len, self.names.values())) * spec.size**2 * 3, room)
        self.like = {"labels": np.zeros((), np.int64)}
        if not self.as_files:
            self.like["images"] = np.zeros((spec.size, spec.size, 3), np.uint8)
        self._seen, self._twins = Seen(), list[str]()
        self._found = {split: np.zeros(len(self._known), np.int64) for split in self.names}

    def reopened(self) -> Images:
        """Return the set for another process, which must not share this one's open files.

        A folder has none, and listing a large one takes long.
        """
        is_folder = isinstance(self._source, ImageSet) and not self._source.is_zip
        return self._source if is_folder else open_source(self._name, self._spec)

    def row(self, source: Images, split: str, row: int) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Return the arrays of one image, and its class."""
        image, class_id = source.read(split, row)
        return {"labels": np.array(class_id, np.int64), "images": image}, {"class": int(class_id)}

    def take(self, split: str, row: int, digests: dict[str, str], said: dict[str, Any]) -> None:
        """Count what `row` said of an image, in order, and note it if it is in another split too."""
        self._found[split][said["class"]] += 1
        name = self.names[split][row]
        twins = self._seen.elsewhere(digests["images"], split, name)
        self._twins += [f"{name} is identical to {twin}." for twin in twins]

    def result(self, sha256: dict[str, dict[str, str]], folder: Path) -> dict[str, Any]:
        """Return what the manifest says, given the digests of the files of each split.

        If the set stays as files, the list of them is written to `folder`.
        """
        for split, names in self.names.items() if self.as_files else ():
            listing = {"directory": str(self._source.directory.absolute()), "files": names}
            (folder / f"{split}{FILES}").write_text(json.dumps(listing, indent=0))
        notes = [f"Images in val with the same pixels as an image in train: {len(self._twins)}.", *self._twins[:TWINS]]
        entries = {split: self._entry(split) | {"sha256": sha256[split]} for split in self.names}
        return {"task": "classification", "classes": listed(self._known), "notes": notes, "splits": entries}

    def _entry(self, split: str) -> dict[str, Any]:
        return {
            "count": len(self.names[split]),
            "size": [self._spec.size] * 2,
            "class_images": self._found[split].tolist(),
            "files": self.as_files,
        }


def _stays_files(source: Images, needed: int, room: int) -> bool:
    if not isinstance(source, ImageSet) or needed <= room:
        return False
    if source.is_zip:
        raise BadInput(
            f"{source.directory} needs {size(needed)} as arrays, but arrays may use at most {size(room)} here (20 GB, "
            "and half of the free disk); unpack the zip and use the folder instead, so that its images stay as files"
        )
    return True
