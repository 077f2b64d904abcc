"""With what a result was made, written into it; and why it would be made again.

A record is a JSON file that stands alone: {stage, params, sources, inputs, outputs, conditions, result}. Both engines
keep books of their own, and either can be out of date after the other ran; a record is the truth both go by.
"""

import hashlib
import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pipeline.config.params import Params, lookup
from pipeline.graph.graph import Job
from pipeline.utils.errors import BadInput
from pipeline.utils.files import atomic
from pipeline.utils.records import flatten, read

LIBRARIES = ("torch", "numpy", "scipy", "scikit-learn", "pandas", "pillow")


def begin(job: Job, params: Params) -> dict[str, Any]:
    """What a job is about to be made of, and the environment it is made in. Taken before it starts."""
    return {**made_of(job, params), "environment": environment()}


def made_of(job: Job, params: Params) -> dict[str, Any]:
    """A job's stage, wildcards, parameters, and its sources and inputs by digest."""
    return {
        "stage": job.stage,
        "wildcards": job.wildcards,
        "params": {key: lookup(params, key) for key in job.params},
        "sources": digests(job.sources),
        "inputs": digests(job.inputs),
    }


def write(job: Job, begun: dict[str, Any], result: dict[str, Any], conditions: dict[str, Any]) -> None:
    """Write a finished job's record; every other output must already lie in place.

    `begun` is from `begin`. `BadInput` if sources or inputs changed meanwhile and DVC runs the job: the record says the
    truth, but DVC would take the new ones for those that it ran with.
    """
    record = {key: value for key, value in begun.items() if key != "environment"}
    record["outputs"] = digests(job.outputs[1:])
    finished = datetime.now(UTC).isoformat(timespec="seconds")
    record["conditions"] = {**conditions, **begun["environment"], "finished": finished}
    record["result"] = result
    write_atomically(job.record, json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    now = {"sources": digests(job.sources), "inputs": digests(job.inputs)}
    changed = [path for kind in now for path in now[kind] if begun[kind].get(path) != now[kind][path]]
    if changed and "DVC_STAGE" in os.environ:
        raise BadInput(f"{changed[0]} changed while {job.name} ran; run it again")


def reasons(job: Job, params: Params) -> list[str]:
    """Why a job would run again; empty if its outputs are what its parameters, sources and inputs make."""
    if not job.record.exists():
        return ["it has no result yet"]
    try:
        record = read(job.record)
    except BadInput:
        return [f"{job.record} is cut short"]
    missing = [f"{path} is missing" for path in job.outputs if not path.exists()]
    wanted = {key: lookup(params, key) for key in job.params}
    changed = _changes("parameter", flatten(record["params"]), flatten(wanted))
    changed += _changes("source", record["sources"], digests(job.sources))
    changed += _changes("input", record["inputs"], digests(job.inputs))
    return missing + changed + _changes("output", record["outputs"], digests(job.outputs[1:]))


def digests(files: Any) -> dict[str, str]:
    """SHA-256 of each file that exists."""
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files if path.exists()}


def write_atomically(path: Path, text: str) -> None:
    """Write a text file so that it is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic(path) as temporary:
        temporary.write_text(text)


def environment() -> dict[str, Any]:
    """Commit, library versions and machine (without its name) of this process."""
    return {
        "commit": _git("rev-parse", "--verify", "--quiet", "HEAD") or "unknown",
        "dirty": bool(
            _git("status", "--porcelain", "--", ".", ":!dvc.lock", ":!*/dvc.lock", ":!results", ":!*.gitignore")
        ),
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in LIBRARIES},
        "platform": f"{sys.platform} {platform.machine()}",
    }


def _git(*arguments: str) -> str:
    found = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    return found.stdout.strip()


def _changes(what: str, before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    gone = [f"{what} {key} is no longer used" for key in before if key not in now]
    new = [f"{what} {key} is new" for key in now if key not in before]
    other = [key for key in now if key in before and before[key] != now[key]]
    show = what == "parameter"
    return gone + new + [f"{what} {k} changed" + (f" from {before[k]} to {now[k]}" if show else "") for k in other]
