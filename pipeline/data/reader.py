"""Read a prepared data set as memory-mapped arrays, so that a batch needs a copy and no decoding."""

import json
import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.data.base import Class
from pipeline.utils.errors import BadInput

FILES = ".files.json"
"""Suffix of the file list that replaces `.images.npy` if a set is too large for one array."""


class Prepared:
    """The data set that `python -m pipeline prepare` wrote into `folder`.

    Raises `BadInput` if the manifest or an array is missing, truncated, or from another preparation, or if the set is
    not of the `task` that is asked for: segmentation or classification.
    """

    def __init__(self, folder: Path, task: str = ""):
        self.folder = Path(folder)
        path = self.folder / "manifest.json"
        with self._explained(path, "a manifest"):
            manifest = json.loads(path.read_text())["result"]
            self.task: str = manifest["task"]
            self.classes = tuple(Class(entry["name"], tuple(entry["colour"])) for entry in manifest["classes"])
            self.splits: dict[str, dict[str, Any]] = manifest["splits"]
        if task not in ("", self.task):
            key = "data" if task == "segmentation" else "images"
            raise BadInput(f"{self.folder} is a {self.task} set; set study.{key} to a {task} set")

    def images(self, split: str) -> "np.ndarray | ImageFiles":
        """Return the images as (N, H, W, 3) uint8, RGB.

        A classification set that stays as files is decoded on access. It is indexed in the same way.
        """
        entry = self._split(split)
        if entry.get("files"):
            return self._files(split)
        return self._array(split, "images", (entry["count"], *entry["size"], 3))

    def labels(self, split: str) -> np.ndarray:
        """Return the labels: (N, H, W) uint8 with 255 for ignored pixels, or (N,) int64 for a classification set."""
        entry = self._split(split)
        size = entry["size"] if self.task == "segmentation" else ()
        return self._array(split, "labels", (entry["count"], *size))

    def instances(self, split: str) -> np.ndarray | None:
        """Return the instances as (N, H, W) uint16 with 0 for no object, or None if the set has none."""
        entry = self._split(split)
        if not entry.get("instances"):
            return None
        return self._array(split, "instances", (entry["count"], *entry["size"]))

    def names(self, split: str) -> list[str]:
        """Return the frame names in the order of the arrays."""
        return self._split(split)["names"]

    def _split(self, split: str) -> dict[str, Any]:
        if split not in self.splits:
            known = ", ".join(self.splits)
            raise BadInput(f"{self.folder} has no split {split}, only {known}; use one of them in the recipe")
        return self.splits[split]

    def _array(self, split: str, kind: str, shape: tuple[int, ...]) -> np.ndarray:
        path = self.folder / f"{split}.{kind}.npy"
        with self._explained(path, "an array"):
            array = np.load(path, mmap_mode="r")
        if array.shape != tuple(shape):
            raise BadInput(f"{path} has shape {array.shape}, but its manifest says {tuple(shape)}; {self._again()}")
        return array

    def _files(self, split: str) -> "ImageFiles":
        path, entry = self.folder / f"{split}{FILES}", self._split(split)
        with self._explained(path, "a list of files"):
            listed = json.loads(path.read_text())
            return ImageFiles(Path(listed["directory"]), listed["files"], entry["size"][0])

    @contextmanager
    def _explained(self, path: Path, what: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise BadInput(f"{path} is missing; {self._again()}") from None
        except (ValueError, KeyError, TypeError, EOFError, OSError) as error:
            raise BadInput(f"{path} is truncated or not {what} ({error}); {self._again()}") from None

    def _again(self) -> str:
        return f"run `python -m pipeline prepare {self.folder.name} --force`"


def expect(part: np.ndarray) -> None:
    """Have a part of a mapped array, rows that follow each other, read from the disk at once if it is not in memory.

    Otherwise the system guesses what is read next: several times as much as a crop, or a few pages at a time.
    """
    mapped = getattr(part, "_mmap", None)
    if mapped is not None and hasattr(mmap, "MADV_WILLNEED"):
        start = part.ctypes.data - np.frombuffer(mapped, np.uint8).ctypes.data
        page = start // mmap.PAGESIZE * mmap.PAGESIZE
        mapped.madvise(mmap.MADV_WILLNEED, page, start + part.nbytes - page)


def evenly_spaced(count: int, wanted: int) -> list[int]:
    """Return `wanted` evenly spaced indices from 0 to `count - 1`, or all indices if `wanted` is larger."""
    return sorted({round(index) for index in np.linspace(0, count - 1, min(count, wanted)).tolist()})


class ImageFiles:
    """Images in separate files, indexed like an (N, size, size, 3) uint8 array and decoded on each access."""

    def __init__(self, directory: Path, files: list[str], size: int):
        self._directory, self._files, self._size = directory, files, size

    @property
    def shape(self) -> tuple[int, int, int, int]:
        return len(self._files), self._size, self._size, 3

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, index: int | slice | np.ndarray) -> np.ndarray:
        chosen = np.arange(len(self))[index]
        if chosen.ndim == 0:
            return self._read(int(chosen))
        return np.stack([self._read(int(number)) for number in chosen])

    def _read(self, number: int) -> np.ndarray:
        from pipeline.data.sets.images import read_square

        path = self._directory / self._files[number]
        return read_square(path, path, self._size)
