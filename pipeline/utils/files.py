"""Write files atomically and report a full disk in one sentence."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.utils.errors import BadInput

MORE_SPACE = "free some space, or make the parent folder a link to a larger disk, and start again"


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path next to `path`. It replaces `path` on success and is deleted after an error."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write(path: Path, content: bytes | memoryview) -> None:
    """Write a whole file atomically. Its folder is made if it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic(path) as temporary:
        temporary.write_bytes(content)


def free_space(folder: Path) -> int:
    """Return the free bytes on the disk that holds, or will hold, `folder`."""
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    return shutil.disk_usage(existing).free


def require_space(folder: Path, needed: int) -> None:
    """Raise `BadInput` if the disk of `folder` has fewer than `needed` bytes free."""
    free = free_space(folder)
    if needed > free:
        raise BadInput(f"{folder} needs {size(needed)}, but its disk has {size(free)} free; {MORE_SPACE}")


@contextmanager
def space_for(*folders: Path) -> Iterator[None]:
    """Raise `BadInput` instead of `OSError` if the disk fills up while `folders` are written."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        written = " or ".join(map(str, folders))
        raise BadInput(f"the disk was full while {written} was being written; {MORE_SPACE}") from error


def size(count: int) -> str:
    """Format a number of bytes as MB or GB."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
