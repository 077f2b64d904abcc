"""Write large arrays to disk: in one pass, hashed on the way, whole or not at all, and never into a full disk."""

import errno
import hashlib
import io
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.lib.format import header_data_from_array_1_0, write_array_header_1_0

from pipeline.errors import BadInput

NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


class ArrayFile:
    """An `.npy` file of known shape that is filled entry by entry.

    Not a memory map: on a full disk that ends in a signal, where writing ends in an error that can be explained.
    """

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: np.dtype | type):
        self._entry, self._dtype = shape[1:], np.dtype(dtype)
        header = io.BytesIO()
        empty = np.lib.stride_tricks.as_strided(np.zeros((), dtype), shape, [0] * len(shape))
        write_array_header_1_0(header, {**header_data_from_array_1_0(empty), "fortran_order": False})
        self._hash = hashlib.sha256()
        self._file = path.open("wb")
        self._write(header.getvalue())

    def append(self, entry: np.ndarray) -> None:
        if entry.shape != self._entry or entry.dtype != self._dtype:
            raise ValueError(f"expected {self._dtype} {self._entry}, got {entry.dtype} {entry.shape}")
        self._write(np.ascontiguousarray(entry).tobytes())

    def close(self) -> str:
        """Close the file and return its SHA-256."""
        self._file.close()
        return self._hash.hexdigest()

    def _write(self, content: bytes) -> None:
        self._hash.update(content)
        self._file.write(content)


def free_space(folder: Path) -> int:
    """Bytes free where `folder` lies or will lie."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    return shutil.disk_usage(there).free


def require_space(folder: Path, needed: int) -> None:
    """`BadInput` if fewer than `needed` bytes are free for `folder`."""
    free = free_space(folder)
    if needed > free:
        raise BadInput(
            f"{folder} needs {size(needed)}, but its disk has {size(free)} free; "
            "make room there, or make the folder a link to a larger disk"
        )


@contextmanager
def whole_or_nothing(folder: Path) -> Iterator[Path]:
    """Yield an empty folder beside `folder`; without an error its files replace those of `folder`, else it is removed.

    A full disk becomes a `BadInput`. What earlier calls left in `folder` is removed first, the manifest before all, so
    that a manifest never lies beside arrays that are not its own.
    """
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        yield partial
        _publish(partial, folder)
    except OSError as error:
        if error.errno not in NO_SPACE:
            raise
        raise BadInput(
            f"no space was left while {folder} was written, and nothing of it was kept; "
            "make room there, or make the folder a link to a larger disk"
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def size(count: int) -> str:
    """Bytes for readers."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


def _publish(partial: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "manifest.json").unlink(missing_ok=True)
    for old in (*folder.glob("*.npy"), *folder.glob("*.files.json")):
        old.unlink()
    for path in sorted(partial.iterdir()):
        os.replace(path, folder / path.name)
