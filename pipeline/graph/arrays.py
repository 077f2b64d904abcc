"""Prepared arrays, which lie beside their manifest: whether they are still those that it names.

They are too large to read whenever it is asked. Notes in work/ hold the inode, size and times that each array had when
its digest was last known; an array is read again only if one of them changed. `python -m pipeline verify` reads all.
"""

import json
from pathlib import Path
from typing import Any

from pipeline.config import paths
from pipeline.utils import files
from pipeline.utils.digests import digest, state

Notes = dict[str, list[Any]]


def changes(record: Path, result: dict[str, Any]) -> list[str]:
    """A sentence for each array that is missing or is not the one that the manifest `record` names."""
    written = digests(result)
    found, notes, wrong = _read(record), {}, []
    for name, sha256 in written.items():
        path = record.with_name(name)
        if not path.is_file():
            wrong.append(f"{path} is missing")
        elif found.get(name) == (known := [*state(path), sha256]) or digest(path) == sha256:
            notes[name] = known
        else:
            wrong.append(f"{path} is not what its manifest says")
    if notes != found and written:
        _write(record, notes)
    return wrong


def note(record: Path, result: dict[str, Any]) -> None:
    """Remember the arrays that were just written with the digests in the manifest, so that they are not read again."""
    there = {name: sha256 for name, sha256 in digests(result).items() if record.with_name(name).exists()}
    if there:
        _write(record, {name: [*state(record.with_name(name)), sha256] for name, sha256 in there.items()})


def digests(result: dict[str, Any]) -> dict[str, str]:
    """The digests of arrays that a result names, by file; none unless it is that of a data set."""
    splits = result.get("splits") if isinstance(result, dict) else None
    entries = [split for split in (splits.values() if isinstance(splits, dict) else ()) if isinstance(split, dict)]
    return {name: sha256 for split in entries for name, sha256 in split.get("sha256", {}).items()}


def _place(record: Path) -> Path:
    return paths.work("arrays", record)


def _read(record: Path) -> Notes:
    try:
        notes = json.loads(_place(record).read_text())
    except (OSError, ValueError):
        return {}
    return notes if isinstance(notes, dict) else {}


def _write(record: Path, notes: Notes) -> None:
    try:
        files.write(_place(record), json.dumps(notes).encode())
    except OSError:  # where nothing may be written, every question costs a reading
        return
