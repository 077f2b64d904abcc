"""Write the record of a result, and say why a job is out of date.

A record is a JSON file with the keys stage, wildcards, params, sources, inputs, outputs, conditions, result, and sha256
of all these. Both engines keep notes of their own, which are out of date after the other engine ran; the record is what
decides.
"""

import json
import platform
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pipeline.graph import arrays
from pipeline.graph.graph import Job
from pipeline.utils import files, git
from pipeline.utils.digests import digests
from pipeline.utils.errors import BadInput
from pipeline.utils.records import Record, flatten, read, sealed

LIBRARIES = ("torch", "numpy", "scipy", "scikit-learn", "pandas", "pillow")


def begin(job: Job) -> dict[str, Any]:
    """What a job is about to be made of, and in which environment. Call it before the job starts."""
    return {**made_of(job), "environment": environment()}


def made_of(job: Job) -> dict[str, Any]:
    """A job's stage, wildcards and parameters, and the digests of its sources and inputs."""
    return {
        "stage": job.stage,
        "wildcards": job.wildcards,
        "params": job.params,
        "sources": digests(job.sources),
        "inputs": digests(job.input_files),
    }


def write(job: Job, begun: dict[str, Any], result: dict[str, Any], conditions: dict[str, Any]) -> None:
    """Write a finished job's record; every other output must already be in place. `begun` is from `begin`."""
    record = {key: value for key, value in begun.items() if key != "environment"}
    record["outputs"] = digests(_other_outputs(job))
    finished = datetime.now(UTC).isoformat(timespec="seconds")
    record["conditions"] = {**conditions, **begun["environment"], "finished": finished}
    record["result"] = result
    files.write(job.record, f"{json.dumps(sealed(record), indent=1, ensure_ascii=False)}\n".encode())
    arrays.note(job.record, result)


def reasons(job: Job) -> list[str]:
    """Return why a job would run again; an empty list if its record is current."""
    if not job.record.exists():
        return ["it has no result yet"]
    try:
        record = read(job.record)
    except BadInput:
        return [f"{job.record} is cut short or was changed"]
    missing = [f"{path} is missing" for path in job.output_files if not path.exists()]
    return missing + differences(job, record) + [*arrays.changes(job.record, record["result"])]


def differences(job: Job, record: Record, found: Callable[[Iterable[Path]], dict[str, str]] = digests) -> list[str]:
    """How a job differs from its record; `found` gives the digests of files, by path, of those that there are."""
    changed = _changes("parameter", flatten(record["params"]), flatten(job.params))
    changed += _changes("source", record["sources"], digests(job.sources))
    changed += _changes("input", record["inputs"], found(job.input_files))
    return changed + _changes("output", record["outputs"], found(_other_outputs(job)))


def environment() -> dict[str, Any]:
    """Commit, library versions and machine (without its name) of this process."""
    return {
        "commit": git.said("rev-parse", "--verify", "--quiet", "HEAD") or "unknown",
        "dirty": bool(git.said("status", "--porcelain", "--", ".", ":!dvc.lock", ":!results", ":!*.gitignore")),
        "python": platform.python_version(),
        "libraries": dict(filter(None, map(_version, LIBRARIES))),
        "platform": f"{sys.platform} {platform.machine()}",
    }


def _version(library: str) -> tuple[str, str] | None:
    """A library and its version; None where it is not installed, as scikit-learn on a machine that only trains."""
    try:
        return library, version(library)
    except PackageNotFoundError:
        return None


def _other_outputs(job: Job) -> list[Path]:
    return job.output_files[1:]


def _changes(what: str, before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    gone = [f"{what} {key} is no longer used" for key in before if key not in now]
    new = [f"{what} {key} is new" for key in now if key not in before]
    other = [key for key in now if key in before and before[key] != now[key]]
    show = what == "parameter"
    return gone + new + [f"{what} {k} changed" + (f" from {before[k]} to {now[k]}" if show else "") for k in other]
