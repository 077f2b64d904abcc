"""Write files whole or not at all, and never into a full disk."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.utils.errors import BadInput

NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
MORE_SPACE = "make room there, or make its parent folder a link to a larger disk, and start again"


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a path beside `path` to write to; it takes the place of `path` at the end, or is removed after an error."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def free_space(folder: Path) -> int:
    """Bytes free where `folder` lies or will lie."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    return shutil.disk_usage(there).free


def require_space(folder: Path, needed: int) -> None:
    """`BadInput` if fewer than `needed` bytes are free for `folder`."""
    free = free_space(folder)
    if needed > free:
        raise BadInput(f"{folder} needs {size(needed)}, but its disk has {size(free)} free; {MORE_SPACE}")


@contextmanager
def space_for(folder: Path) -> Iterator[None]:
    """Turn the error of a full disk, met while `folder` is written, into a `BadInput`."""
    try:
        yield
    except OSError as error:
        if error.errno not in NO_SPACE:
            raise
        raise BadInput(f"no space was left while {folder} was written; {MORE_SPACE}") from error


def size(count: int) -> str:
    """Bytes for readers."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
