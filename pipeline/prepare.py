"""Check a published data set file by file, once, and write it as arrays that training reads without decoding."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from pipeline.datasets import Images, open_source, splits
from pipeline.datasets.base import IGNORE, Sample, Source
from pipeline.datasets.images import ImageSet
from pipeline.errors import BadInput
from pipeline.integrity import report
from pipeline.storage import ArrayFile, free_space, require_space, size, whole_or_nothing

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.params import Data

LARGEST = 20_000_000_000
"""Bytes of arrays beyond which a classification set stays files; so does one that would fill half of the free disk."""

SPARE = 10_000_000
"""Bytes for what is written beside the arrays."""


def prepare(name: str, spec: Data, folder: Path) -> dict[str, Any]:
    """Write data set `name` into `folder` (arrays and report.md) and return its manifest.

    Every file is read once. `BadInput` names the first one that is missing, unreadable, of another size than the
    others, labelled outside the class set, or in two splits; then `folder` is as it was before.
    """
    source = open_source(name, spec)
    with whole_or_nothing(folder) as partial:
        if spec.kind in ("images", "crops"):
            result = _classification(name, source, spec.size, folder, partial)
        else:
            result = _segmentation(name, source, splits(spec), folder, partial)
        (partial / "report.md").write_text(report(name, result))
    return result


def _segmentation(name: str, source: Source, parts: tuple[str, ...], folder: Path, partial: Path) -> dict[str, Any]:
    names = {split: source.names(split) for split in parts}
    first = source.read(parts[0], names[parts[0]][0])
    count = sum(map(len, names.values()))
    needed = count * sum(array.nbytes for array in first if array is not None)
    require_space(folder, needed + SPARE)
    seen = _Seen()
    with _progress(name, count, "frames", needed, folder) as bar:
        entries = {split: _frames(source, split, names[split], first, partial, seen, bar.update) for split in parts}
    return {"task": "segmentation", "classes": _classes(source), "splits": entries}


def _frames(
    source: Source, split: str, names: list[str], first: Sample, partial: Path, seen: _Seen, tick: Callable[[], Any]
) -> dict[str, Any]:
    """Check and write one split; every frame must be like the set's `first`."""
    kinds = [kind for kind in Sample._fields if getattr(first, kind) is not None]
    stored = {kind: f"{split}.{kind}{'' if kind == 'instances' else 's'}.npy" for kind in kinds}
    arrays = {
        kind: ArrayFile(partial / stored[kind], (len(names), *like.shape), like.dtype)
        for kind, like in zip(Sample._fields, first, strict=True)
        if like is not None
    }
    pixels = np.zeros(IGNORE + 1, np.int64)
    for name in names:
        sample = source.read(split, name)
        _check_alike(sample, first, f"{split}/{name}")
        seen.add(sample.image, split, name)
        pixels += np.bincount(sample.label.ravel(), minlength=IGNORE + 1)
        for kind, array in arrays.items():
            array.append(getattr(sample, kind))
        tick()
    return {
        "count": len(names),
        "size": list(first.label.shape),
        "names": names,
        "class_pixels": pixels[: len(source.classes)].tolist(),
        "ignored_pixels": int(pixels[IGNORE]),
        "instances": first.instances is not None,
        "sha256": {stored[kind]: array.close() for kind, array in arrays.items()},
    }


def _check_alike(sample: Sample, first: Sample, frame: str) -> None:
    (rows, columns), (wanted_rows, wanted_columns) = sample.label.shape, first.label.shape
    if (rows, columns) != (wanted_rows, wanted_columns):
        raise BadInput(
            f"the frame {frame} is {columns}x{rows} pixels, but the first is {wanted_columns}x{wanted_rows}; "
            "all frames of a set must have one size: resize it, or take it out of its split"
        )
    if (sample.instances is None) != (first.instances is None):
        raise BadInput(
            f"the frame {frame} {'lacks instances' if sample.instances is None else 'has instances'}, unlike the "
            "first; give instances to all frames or to none"
        )


class _Seen:
    """Content of the images so far, to find one that is in two splits under whatever name."""

    def __init__(self) -> None:
        self._places: dict[bytes, tuple[str, str]] = {}

    def add(self, image: np.ndarray, split: str, name: str) -> None:
        other, twin = self._places.setdefault(hashlib.sha256(image.tobytes()).digest(), (split, name))
        if other != split:
            raise BadInput(
                f"the frame {split}/{name} has the same pixels as {other}/{twin}, so that a score would count frames "
                "that were trained on; take it out of one of the two splits"
            )


def _classification(name: str, source: Images, side: int, folder: Path, partial: Path) -> dict[str, Any]:
    counts = {split: source.count(split) for split in ("train", "val")}
    count = sum(counts.values())
    needed = count * side * side * 3
    as_files = _stays_files(source, needed, folder)
    require_space(folder, (0 if as_files else needed) + count * 8 + SPARE)
    with _progress(name, count, "images", 0 if as_files else needed, folder) as bar:
        entries = {split: _images(source, split, side, as_files, partial, bar.update) for split in counts}
    return {"task": "classification", "classes": _classes(source), "splits": entries}


def _stays_files(source: Images, needed: int, folder: Path) -> bool:
    if not isinstance(source, ImageSet) or needed <= min(LARGEST, free_space(folder) // 2):
        return False
    if source.is_zip:
        raise BadInput(
            f"{source.directory} would need {size(needed)} as arrays, and {size(free_space(folder))} are free; "
            "unpack it and name the folder instead, then its images stay files"
        )
    return True


def _images(
    source: Images, split: str, side: int, as_files: bool, partial: Path, tick: Callable[[], Any]
) -> dict[str, Any]:
    """Check and write one split; of a set that stays files, the list of files and the labels."""
    count = source.count(split)
    arrays = {f"{split}.labels.npy": ArrayFile(partial / f"{split}.labels.npy", (count,), np.int64)}
    if not as_files:
        arrays[f"{split}.images.npy"] = ArrayFile(partial / f"{split}.images.npy", (count, side, side, 3), np.uint8)
    found = np.zeros(len(source.classes), np.int64)
    for index in range(count):
        image, class_id = source.read(split, index)
        found[class_id] += 1
        for array, entry in zip(arrays.values(), (np.array(class_id, np.int64), image), strict=False):
            array.append(entry)
        tick()
    if as_files:
        listed = {"directory": str(source.directory), "files": source.files(split)}
        (partial / f"{split}.files.json").write_text(json.dumps(listed, indent=0))
    digests = {stored: array.close() for stored, array in arrays.items()}
    return {"count": count, "size": [side, side], "class_images": found.tolist(), "files": as_files, "sha256": digests}


def _classes(source: Source | Images) -> list[dict[str, Any]]:
    return [{"name": entry.name, "colour": list(entry.colour)} for entry in source.classes]


def _progress(name: str, count: int, unit: str, needed: int, folder: Path) -> tqdm:
    print(f"{name}: {count} {unit}, {size(needed)} to write into {folder}", file=sys.stderr)
    return tqdm(total=count, desc=name, unit=f" {unit}", disable=None)
