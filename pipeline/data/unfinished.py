"""A folder of arrays that is published whole or not at all, and that an interrupted preparation continues."""

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.utils.errors import Interrupted
from pipeline.utils.files import space_for

JOURNAL = "rows.jsonl"


class Journal:
    """What was found in the rows so far: a line of JSON per task, in order.

    The first line says what the set is made of. Opening the journal clears its folder if that was left by a preparation
    that was made of something else. A line is written after its rows; their digests are in it, because after a power
    failure it may be there without them.
    """

    def __init__(self, folder: Path, made_of: str):
        path, head = folder / JOURNAL, f"{json.dumps(made_of)}\n".encode()
        if not _starts(path, head):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            path.write_bytes(head)
        self._file = path.open("r+b")
        self._end = self._file.seek(len(head))

    def left(self) -> Any | None:
        """Return the next line that an interrupted preparation left, if there is one and it is whole."""
        self._end = self._file.tell()
        line = self._file.readline()
        with contextlib.suppress(ValueError):
            return json.loads(line) if line.endswith(b"\n") else None

    def cut(self) -> None:
        """Forget the line that `left` returned last, and all after it."""
        self._file.seek(self._end)
        self._file.truncate()

    def add(self, found: Any) -> None:
        """Add a line. From now on a killed process does not lose it."""
        self._file.write(f"{json.dumps(found)}\n".encode())
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def _starts(path: Path, head: bytes) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(head)) == head


@contextmanager
def resumable(folder: Path, made_of: str) -> Iterator[tuple[Path, Journal]]:
    """Yield a folder whose files replace those of `folder` on success, and its journal.

    After an error it is deleted. If this process is killed or interrupted it stays, and the next call with the same
    `made_of` is given it again. The old files of `folder` are deleted just before the new ones are moved in, the
    manifest first. A manifest therefore never lies next to arrays of another preparation.
    """
    folder = folder.resolve()
    partial = _partial(folder)
    try:
        with space_for(folder):
            with contextlib.closing(Journal(partial, made_of)) as journal:
                yield partial, journal
            _publish(partial, folder)
        shutil.rmtree(partial)
    except Interrupted:
        raise
    except Exception:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def occupied(folder: Path) -> int:
    """Return the bytes on disk of what an interrupted preparation of `folder` left."""
    return sum(path.stat().st_blocks * 512 for path in _partial(folder.resolve()).glob("*"))


def listing(path: Path) -> str:
    """Return a digest of the path, size and time of last change of each file in a published folder, or of one file."""
    digest, entered = hashlib.sha256(), set[str]()
    _stamp(digest, str(path))
    for folder, folders, names in os.walk(path, followlinks=True):
        folders[:] = sorted(each for each in folders if _enter(os.path.join(folder, each), entered))
        for name in sorted(names):
            _stamp(digest, os.path.join(folder, name))
    return digest.hexdigest()


def _enter(folder: str, entered: set[str]) -> bool:
    """Whether a folder was not entered before: links may lead in a circle."""
    real = os.path.realpath(folder)
    new = real not in entered
    entered.add(real)
    return new


def _stamp(digest: Any, path: str) -> None:
    if os.path.exists(path):
        found = os.stat(path)
        digest.update(os.fsencode(path) + f" {found.st_size} {found.st_mtime_ns}\n".encode())


def _partial(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.partial")


def _publish(partial: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "manifest.json").unlink(missing_ok=True)
    for old in (*folder.glob("*.npy"), *folder.glob("*.files.json")):
        old.unlink()
    for path in sorted(partial.iterdir()):
        if path.name != JOURNAL:
            os.replace(path, folder / path.name)
