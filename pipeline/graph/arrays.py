"""Prepared arrays, which lie beside their manifest: whether they are still those that it names."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.utils.digests import digest, known


def changes(record: Path, result: dict[str, Any]) -> Iterator[str]:
    """A sentence for each array that is missing or is not the one that the manifest `record` names."""
    for name, sha256 in digests(result).items():
        path = record.with_name(name)
        if not path.is_file():
            yield f"{path} is missing"
        elif digest(path) != sha256:
            yield f"{path} is not what its manifest says"


def note(record: Path, result: dict[str, Any]) -> None:
    """Remember the arrays that were just written with the digests in the manifest, so that they are not read again."""
    for name, sha256 in digests(result).items():
        if record.with_name(name).is_file():
            known(record.with_name(name), sha256)


def digests(result: dict[str, Any]) -> dict[str, str]:
    """The digests of arrays that a result names, by file; none unless it is that of a data set."""
    splits = result.get("splits") if isinstance(result, dict) else None
    entries = [split for split in (splits.values() if isinstance(splits, dict) else ()) if isinstance(split, dict)]
    return {name: sha256 for split in entries for name, sha256 in split.get("sha256", {}).items()}
