"""A small text file in the place of a large one that was left elsewhere: it names the digest of what it stands for.

The format is that of Git LFS. The digest of a pointer is the one that it names, so a record that lists the large file
stays current, and both engines find the file that they look for.
"""

import re
from pathlib import Path

LARGEST = 1024
"""Bytes; a larger file is no pointer."""
PATTERN = re.compile(rb"version https://git-lfs\.github\.com/spec/v1\noid sha256:([0-9a-f]{64})\nsize \d+\n")


def text(digest: str, size: int = 0) -> bytes:
    """A pointer to a file with this SHA-256; `size` is its number of bytes, or 0 if that is not known."""
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {size}\n".encode()


def among(folder: Path) -> list[Path]:
    """The arrays in a folder that are pointers."""
    return [path for path in sorted(folder.glob("*.npy")) if read(path)]


def read(path: Path) -> str | None:
    """Return the SHA-256 that a pointer names, or None for every other file."""
    if path.stat().st_size > LARGEST:
        return None
    found = PATTERN.fullmatch(path.read_bytes())
    return found[1].decode() if found else None
