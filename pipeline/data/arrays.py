"""Write large arrays to disk in one pass, with their SHA-256, and publish a folder of them atomically."""

import hashlib
import io
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.lib.format import dtype_to_descr, write_array_header_1_0

from pipeline.utils.files import space_for


class ArrayFiles:
    """Write the `.npy` files of one split, entry by entry. Use it as a context manager, which closes the files.

    The files are not memory maps: on a full disk, writing to a memory map kills the process with a signal, whereas an
    ordinary write raises an error that can be explained.
    """

    def __init__(self, folder: Path, split: str, count: int, like: dict[str, np.ndarray]):
        """Open `{split}.{kind}.npy` for each kind in `like`, with room for `count` entries.

        The arrays in `like` give the shape and dtype of one entry.
        """
        self._files = {kind: (folder / f"{split}.{kind}.npy").open("wb") for kind in like}
        self._hashes = {kind: hashlib.sha256() for kind in like}
        for kind, entry in like.items():
            header = io.BytesIO()
            described = {"descr": dtype_to_descr(entry.dtype), "fortran_order": False, "shape": (count, *entry.shape)}
            write_array_header_1_0(header, described)
            self._write(kind, header.getvalue())

    def append(self, entries: dict[str, np.ndarray]) -> None:
        """Append one entry to each file. Kinds without a file are ignored."""
        for kind in self._files:
            self._write(kind, entries[kind].tobytes())

    def digests(self) -> dict[str, str]:
        """Return a dictionary from file name to SHA-256."""
        return {Path(file.name).name: self._hashes[kind].hexdigest() for kind, file in self._files.items()}

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        for file in self._files.values():
            file.close()

    def _write(self, kind: str, content: bytes) -> None:
        self._hashes[kind].update(content)
        self._files[kind].write(content)


@contextmanager
def whole_or_nothing(folder: Path) -> Iterator[Path]:
    """Yield an empty folder whose files replace those of `folder` on success and are deleted after an error.

    The old files of `folder` are deleted just before the new ones are moved in, the manifest first. A manifest
    therefore never lies next to arrays of another preparation.
    """
    folder = folder.resolve()
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        with space_for(folder):
            partial.mkdir(parents=True)
            yield partial
            _publish(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _publish(partial: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "manifest.json").unlink(missing_ok=True)
    for old in (*folder.glob("*.npy"), *folder.glob("*.files.json")):
        old.unlink()
    for path in sorted(partial.iterdir()):
        os.replace(path, folder / path.name)
