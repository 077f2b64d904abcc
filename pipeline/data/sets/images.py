"""Any image set with one folder per class: ImageNet-1k, Tiny-ImageNet (folder or published zip), or your own."""

import io
import os
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps

from pipeline.data.base import Class, opened
from pipeline.utils import archives
from pipeline.utils.errors import BadInput
from pipeline.utils.files import size as bytes_of

ENDINGS = (".jpeg", ".jpg", ".png")
SPLITS = ("train", "val")
ANNOTATIONS = "val/val_annotations.txt"
"""The classes of Tiny-ImageNet's `val/images/`: one tab-separated line per file, starting with its name and class."""

LARGEST_FILE = 256_000_000
"""Bytes of the largest file that is read from a zip."""

HOW_TO_GET = (
    "the folder or zip must contain images in train/CLASS/ and val/CLASS/, or Tiny-ImageNet as published "
    "(cs231n.stanford.edu/tiny-imagenet-200.zip)"
)


class ImageSet:
    """Images in `train/CLASS/` and `val/CLASS/` of `directory`, a folder or a zip, or of one folder inside it.

    Images in subfolders of a class folder are included. The classes are the folders of `train`, sorted. Raises
    `BadInput` if a split has no images, or if `val` has a class that `train` lacks.
    """

    def __init__(self, directory: Path, size: int):
        self.directory, self._size = Path(directory), size
        self.is_zip, self._stack = self.directory.is_file(), ExitStack()
        listing = self._members() if self.is_zip else _walk(self.directory)
        self._root = _root(listing, self.directory)
        inside = [name.removeprefix(self._root) for name in listing if name.startswith(self._root)]
        images = sorted(name for name in inside if _is_image(name))
        train = [(name, name.split("/")[1]) for name in images if name.startswith("train/")]
        val = self._validation([name for name in images if name.startswith("val/")], ANNOTATIONS in inside)
        folders = sorted({folder for _, folder in train})
        self.classes = tuple(Class(folder, (0, 0, 0)) for folder in folders)
        ids = {folder: number for number, folder in enumerate(folders)}
        self._items = {"train": self._number(train, ids), "val": self._number(val, ids)}

    def names(self, split: str) -> list[str]:
        """Return the sorted paths of a split's images, relative to `directory`."""
        return [self._root + name for name, _ in self._items[split]]

    def read(self, split: str, index: int) -> tuple[np.ndarray, int]:
        """Return image `index` (size x size x 3 uint8, RGB) and its class.

        Raises `BadInput` if it cannot be decoded.
        """
        name, class_id = self._items[split][index]
        path = self.directory / self._root / name
        source = io.BytesIO(self._bytes(name)) if self.is_zip else path
        return read_square(source, path, self._size), class_id

    def _members(self) -> list[str]:
        if not zipfile.is_zipfile(self.directory):
            raise BadInput(f"{self.directory} cannot be read as a zip; download it again; {HOW_TO_GET}")
        members, self._open = self._stack.enter_context(archives.opened(self.directory, HOW_TO_GET))
        largest = max(members, key=lambda member: member.bytes, default=None)
        if largest and largest.bytes > LARGEST_FILE:
            said = f"{self.directory} holds {largest.name} of {bytes_of(largest.bytes)}"
            raise BadInput(f"{said}, but a file may have {bytes_of(LARGEST_FILE)}; remove it")
        return [member.name for member in members if member.kind == "file"]

    def _bytes(self, name: str) -> bytes:
        with archives.explained(self.directory, "download it again", at=name), self._open(self._root + name) as file:
            return file.read()

    def _validation(self, images: list[str], annotated: bool) -> list[tuple[str, str]]:
        if not annotated:
            return [(name, name.split("/")[1]) for name in images]
        path = self.directory / self._root / ANNOTATIONS
        text = self._bytes(ANNOTATIONS).decode() if self.is_zip else path.read_text()
        folders = dict(line.split("\t")[:2] for line in text.splitlines() if "\t" in line)
        for name in images:
            if PurePosixPath(name).name not in folders:
                raise BadInput(f"{path} has no line for the image {name}; remove the image or unpack the set again")
        return [(name, folders[PurePosixPath(name).name]) for name in images]

    def _number(self, items: list[tuple[str, str]], ids: dict[str, int]) -> list[tuple[str, int]]:
        for name, folder in items:
            if folder not in ids:
                raise BadInput(
                    f"{self.directory / self._root / name} has the class {folder}, which train/ lacks; "
                    "add the class to train/ or remove it from val/"
                )
        return [(name, ids[folder]) for name, folder in items]


def read_square(source: Path | BinaryIO, path: Path, size: int) -> np.ndarray:
    """Decode the central square of an image and resize it to size x size x 3 uint8, RGB.

    `path` is the path that error messages show.
    """
    with opened(source, path, "download it again, or remove it and prepare the set again") as image:
        return np.asarray(ImageOps.fit(image.convert("RGB"), (size, size), Image.Resampling.BILINEAR))


def _walk(directory: Path) -> list[str]:
    """The files in train/ and val/ of the directory, or of a folder in it. `BadInput` if links lead in a circle."""
    tops = [directory, *sorted(path for path in directory.iterdir() if os.path.isdir(path))]
    found: list[str] = []
    linked: set[str] = set()
    for folder, folders, names in (step for top in tops for split in SPLITS for step in _steps(top / split)):
        for link in (path for name in folders if os.path.islink(path := os.path.join(folder, name))):
            if os.path.realpath(link) in linked:
                raise BadInput(f"{link} links to a folder that another link leads to; remove one of the two links")
            linked.add(os.path.realpath(link))
        found += [Path(folder, name).relative_to(directory).as_posix() for name in names]
        if len(found) > archives.MOST_MEMBERS:
            raise BadInput(f"{directory} contains more than {archives.MOST_MEMBERS:,} files; {HOW_TO_GET}")
    return found


def _steps(folder: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    return os.walk(folder, followlinks=True)


def _is_image(name: str) -> bool:
    path = PurePosixPath(name)
    return len(path.parts) > 2 and path.suffix.lower() in ENDINGS and not path.name.startswith(".")


def _root(listing: list[str], directory: Path) -> str:
    """Return the folder, as a prefix, that contains images of both splits."""
    tops = ["", *sorted({name.split("/")[0] + "/" for name in listing if "/" in name})]
    for top in tops:
        inside = [name.removeprefix(top) for name in listing if name.startswith(top) and _is_image(name)]
        if all(any(name.startswith(f"{split}/") for name in inside) for split in SPLITS):
            return top
    raise BadInput(f"{directory} contains no images in train/CLASS/ and val/CLASS/; {HOW_TO_GET}")
