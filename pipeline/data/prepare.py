"""Check every file of a published data set once and write it as arrays that training reads without decoding."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.data.arrays import ArrayFiles, whole_or_nothing
from pipeline.data.base import IGNORE, Class, Sample, Source
from pipeline.data.checks import check_labelled, checked_classes, checked_frame, checked_names, foreign
from pipeline.data.integrity import Seen, check_alike, check_names, check_new, report
from pipeline.data.reader import FILES
from pipeline.data.registry import Images, classes, open_source, splits
from pipeline.data.sets.images import ImageSet
from pipeline.utils.errors import BadInput
from pipeline.utils.files import free_space, require_space, size
from pipeline.utils.progress import progress

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.config.data import Data

LARGEST = 20_000_000_000
"""Bytes of arrays above which a classification set stays as files.

A set that would fill more than half of the free disk stays as files too.
"""

SPARE = 10_000_000
"""Bytes reserved for the files written next to the arrays."""

MOST_CLASSES = 100_000
"""Classes of a set of images; ImageNet-21k has 21,841."""

TWINS = 20
"""Number of images in both splits that the report lists. Published sets contain some, so they are not an error."""


def prepare(name: str, spec: Data, folder: Path) -> dict[str, Any]:
    """Write data set `name` into `folder` (arrays and report.md) and return its manifest.

    Each file is decoded once. Raises `BadInput` at the first file that is missing, unreadable, labelled outside the
    class set, of another size than the others, or in two splits. `folder` is then left as it was.
    """
    source = open_source(name, spec)
    with whole_or_nothing(folder) as partial:
        if spec.kind in ("images", "crops"):
            result = _classification(name, spec, source, folder, partial)
        else:
            result = _segmentation(name, spec, source, folder, partial)
        (partial / "report.md").write_text(report(name, result))
    return result


def _segmentation(name: str, spec: Data, source: Source, folder: Path, partial: Path) -> dict[str, Any]:
    known = classes(spec.kind)
    with foreign(f"listing the frames of data.{name}"):
        names = {split: checked_names(source.names(split), split, name) for split in splits(spec)}
    check_names(names)
    start = next(iter(names))
    first = _read(source, start, names[start][0], known)
    count = sum(map(len, names.values()))
    _reserve(name, f"{count} frames", count * sum(array.nbytes for array in _by_file(first).values()), folder)
    seen = Seen()
    entries = {split: _frames(source, split, names[split], first, partial, seen, known) for split in names}
    for split, entry in entries.items():
        check_labelled(entry["class_pixels"], split, name)
    notes = source.notes() if hasattr(source, "notes") else []
    return {"task": "segmentation", "classes": _listed(known), "notes": notes, "splits": entries}


def _read(source: Source, split: str, name: str, known: tuple[Class, ...]) -> Sample:
    with foreign(f"reading the frame {split}/{name}"):
        return checked_frame(source.read(split, name), known, f"{split}/{name}")


def _frames(
    source: Source,
    split: str,
    names: list[str],
    first: Sample,
    partial: Path,
    seen: Seen,
    known: tuple[Class, ...],
) -> dict[str, Any]:
    """Check and write one split. Every frame must match the set's `first` in size and kind."""
    pixels = np.zeros(IGNORE + 1, np.int64)
    arrays = ArrayFiles(partial, split, len(names), _by_file(first))
    with arrays:
        for name in progress(names, f"{split} frames"):
            sample = _read(source, split, name, known)
            check_alike(sample, first, f"{split}/{name}")
            check_new(seen, sample.image, split, name)
            pixels += np.bincount(sample.label.ravel(), minlength=IGNORE + 1)
            arrays.append(_by_file(sample))
    return {
        "count": len(names),
        "size": list(first.label.shape),
        "names": names,
        "class_pixels": pixels[: len(known)].tolist(),
        "ignored_pixels": int(pixels[IGNORE]),
        "instances": first.instances is not None,
        "sha256": arrays.digests(),
    }


def _by_file(sample: Sample) -> dict[str, np.ndarray]:
    arrays = {"images": sample.image, "labels": sample.label, "instances": sample.instances}
    return {kind: array for kind, array in arrays.items() if array is not None}


def _classification(name: str, spec: Data, source: Images, folder: Path, partial: Path) -> dict[str, Any]:
    checked_classes(source.classes, str(spec.directory if spec.kind == "images" else name), MOST_CLASSES)
    count = sum(len(source.names(split)) for split in splits(spec))
    needed = count * spec.size**2 * 3
    as_files = _stays_files(source, needed, folder)
    _reserve(name, f"{count} images", count * 8 + (0 if as_files else needed), folder)
    seen, twins = Seen(), []
    entries = {split: _images(source, split, spec.size, as_files, partial, seen, twins) for split in splits(spec)}
    notes = [f"Images in val with the same pixels as an image in train: {len(twins)}.", *twins[:TWINS]]
    return {"task": "classification", "classes": _listed(source.classes), "notes": notes, "splits": entries}


def _images(
    source: Images, split: str, side: int, as_files: bool, partial: Path, seen: Seen, twins: list[str]
) -> dict[str, Any]:
    """Check and write one split, and append duplicate images to `twins`.

    If the set stays as files, only the list of files and the labels are written.
    """
    names = source.names(split)
    found = np.zeros(len(source.classes), np.int64)
    like = {"labels": np.zeros((), np.int64)}
    if as_files:
        listed = {"directory": str(source.directory.absolute()), "files": names}
        (partial / f"{split}{FILES}").write_text(json.dumps(listed, indent=0))
    else:
        like["images"] = np.zeros((side, side, 3), np.uint8)
    arrays = ArrayFiles(partial, split, len(names), like)
    with arrays:
        for index, name in enumerate(progress(names, f"{split} images")):
            image, class_id = source.read(split, index)
            found[class_id] += 1
            twins += [f"{name} is identical to {twin}." for twin in seen.elsewhere(image, split, name)]
            arrays.append({"labels": np.array(class_id, np.int64), "images": image})
    return {
        "count": len(names),
        "size": [side, side],
        "class_images": found.tolist(),
        "files": as_files,
        "sha256": arrays.digests(),
    }


def _stays_files(source: Images, needed: int, folder: Path) -> bool:
    free = free_space(folder)
    if not isinstance(source, ImageSet) or needed <= min(LARGEST, free // 2):
        return False
    if source.is_zip:
        raise BadInput(
            f"{source.directory} needs {size(needed)} as arrays, but arrays may use at most {size(LARGEST)} and half "
            f"of the {size(free)} free; unpack the zip and use the folder instead, so that its images stay as files"
        )
    return True


def _listed(known: tuple[Class, ...]) -> list[dict[str, Any]]:
    return [{"name": entry.name, "colour": list(entry.colour)} for entry in known]


def _reserve(name: str, what: str, needed: int, folder: Path) -> None:
    require_space(folder, needed + SPARE)
    free = size(free_space(folder))
    print(f"{name}: writing {what} ({size(needed)}) to {folder}, {free} free", file=sys.stderr)
