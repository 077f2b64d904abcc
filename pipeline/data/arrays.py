"""The arrays of a set while they are written: row by row, in any order, by several processes."""

import hashlib
import io
import os
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.lib.format import dtype_to_descr, write_array_header_1_0


class _Array(NamedTuple):
    """An open `.npy` file: where its rows start, and how many bytes each has."""

    file: BinaryIO
    start: int
    row: int


class ArrayFiles:
    """The `.npy` files of one split. Use it as a context manager, which closes the files.

    Processes that are forked while it is open may write rows (frames or images), each its own. The files are not memory
    maps: on a full disk, writing to a memory map kills the process with a signal, whereas an ordinary write raises an
    error that can be explained.
    """

    def __init__(self, folder: Path, split: str, count: int, like: dict[str, np.ndarray]):
        """Open `{split}.{kind}.npy` for each kind in `like`, with room for `count` rows, and keep the rows it has.

        The arrays in `like` give the shape and dtype of one row.
        """
        self._arrays, self._stack = dict[str, _Array](), ExitStack()
        self._digests = {kind: hashlib.sha256() for kind in like}
        for kind, row in like.items():
            path = folder / f"{split}.{kind}.npy"
            file = self._stack.enter_context(path.open("r+b" if path.exists() else "w+b"))
            header = io.BytesIO()
            described = {"descr": dtype_to_descr(row.dtype), "fortran_order": False, "shape": (count, *row.shape)}
            write_array_header_1_0(header, described)
            self._digests[kind].update(header.getvalue())
            self._arrays[kind] = _Array(file, header.tell(), row.nbytes)
            _write(file, header.getvalue(), 0)

    def write(self, row: int, arrays: dict[str, np.ndarray]) -> dict[str, str]:
        """Write one row, except for kinds without a file. Return the SHA-256 of the bytes of each of `arrays`."""
        contents = {kind: array.tobytes() for kind, array in arrays.items()}
        for kind, (file, start, length) in self._arrays.items():
            _write(file, contents[kind], start + row * length)
        return {kind: _sha256(content) for kind, content in contents.items()}

    def take(self, rows: range, expected: list[dict[str, str]] | None = None) -> bool:
        """Read written rows back and add them to the digests of the files; to be called for all rows, in order.

        If they do not have the `expected` digests, which `write` returned, nothing is added and the result is false.
        """
        contents = {
            kind: os.pread(file.fileno(), len(rows) * length, start + rows.start * length)
            for kind, (file, start, length) in self._arrays.items()
        }
        for number, digests in enumerate(expected or []):
            for kind, content in contents.items():
                length = self._arrays[kind].row
                if _sha256(content[number * length : (number + 1) * length]) != digests[kind]:
                    return False
        for kind, content in contents.items():
            self._digests[kind].update(content)
        return True

    def digests(self) -> dict[str, str]:
        """Return a dictionary from file name to SHA-256, once all rows are taken."""
        return {Path(self._arrays[kind].file.name).name: found.hexdigest() for kind, found in self._digests.items()}

    def __enter__(self) -> "ArrayFiles":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


def _write(file: BinaryIO, content: bytes, at: int) -> None:
    """Write at a place of its own: processes that share an open file share the place where an ordinary write goes."""
    left = memoryview(content)
    while left:
        written = os.pwrite(file.fileno(), left, at)
        left, at = left[written:], at + written


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
