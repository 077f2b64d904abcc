"""What git says of files: the last commit that changed them, and whether they are still as committed.

Paths are relative to the working directory. Without git, or outside a repository, nothing is known.
"""

import subprocess
from collections.abc import Iterable
from pathlib import Path


def said(*arguments: str, given: str = "") -> str:
    """The output of a git command, or nothing if it fails."""
    found = _run(*arguments, given=given)
    return found.stdout.strip() if found and found.returncode == 0 else ""


def is_ancestor(commit: str, of: str) -> bool:
    """Whether a commit is another one, or in its history. False if git knows one of them not."""
    found = _run("merge-base", "--is-ancestor", commit, of)
    return bool(found) and found.returncode == 0


def _run(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str] | None:
    try:
        return subprocess.run(["git", *arguments], input=given, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None


def last_commit(path: Path) -> str:
    """The last commit that changed a file or folder, and its day; empty if there is none."""
    return said("log", "-1", "--format=%h of %cs", "--", str(path))


def committed(path: Path) -> dict[Path, str]:
    """The blobs of a file, or of all files in a folder, in the last commit."""
    lines = said("ls-tree", "-r", "-z", "HEAD", "--", str(path)).split("\0")
    return {Path(name): kind.split()[-1] for kind, _, name in (line.partition("\t") for line in lines if line)}


def blobs(paths: Iterable[Path]) -> dict[Path, str]:
    """The blobs that git would store of files as they are now, whatever its index says of them."""
    paths = list(paths)
    found = said("hash-object", "--stdin-paths", given="".join(f"{path}\n" for path in paths)).splitlines()
    return dict(zip(paths, found, strict=len(found) > 0))
