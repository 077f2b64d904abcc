"""Check every file of a published data set once and write it as arrays that training reads without decoding.

Processes share the work, and an interrupted call is continued. Neither changes a byte of what is written.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import PIL

from pipeline.config import paths
from pipeline.data.arrays import ArrayFiles
from pipeline.data.classified import Classified
from pipeline.data.integrity import report
from pipeline.data.labelled import Labelled
from pipeline.data.registry import open_source
from pipeline.data.unfinished import Journal, listing, occupied, resumable
from pipeline.utils import parallel
from pipeline.utils.digests import sha256_of_json
from pipeline.utils.files import free_space, require_space, size
from pipeline.utils.progress import progress

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pipeline.config.data import Data

LARGEST = 20_000_000_000
"""Bytes of arrays above which a classification set stays as files.

A set that would fill more than half of the free disk stays as files too.
"""

SPARE, SPARE_PER_ROW = 10_000_000, 400
"""Bytes reserved for the files written next to the arrays: in all, and for each frame or image."""

WORTH_A_PROCESS = 16
"""Tasks for which one more process is started, so that a small set is read by this one."""


class Task(NamedTuple):
    """Rows of a split that a process reads at once."""

    split: str
    start: int
    stop: int

    @property
    def rows(self) -> range:
        return range(self.start, self.stop)


def prepare(name: str, spec: Data, folder: Path, made_of: str = "", processes: int | None = None) -> dict[str, Any]:
    """Write data set `name` into `folder` (arrays and report.md) and return its manifest.

    Each file is decoded once, by as many `processes` as there are CPUs unless given. Raises `BadInput` at the first
    file that is missing, unreadable, labelled outside the class set, of another size than the others, or in two splits.
    `folder` is then left as it was. If this process is killed or interrupted, the next call continues its work, unless
    a published file, `spec`, Pillow, numpy, or what else a job is `made_of` has changed.
    """
    source = open_source(name, spec)
    free = free_space(folder) + occupied(folder)
    found = Classified(name, spec, source, min(LARGEST, free // 2)) if spec.classifies else Labelled(name, spec, source)
    _reserve(name, found, folder)
    with resumable(folder, _fingerprint(name, spec, found, made_of)) as (partial, journal), ExitStack() as stack:
        files = {
            split: stack.enter_context(ArrayFiles(partial, split, len(rows), found.like))
            for split, rows in found.names.items()
        }
        _fill(name, found, files, journal, processes or parallel.cpus())
        result = found.result({split: each.digests() for split, each in files.items()}, partial)
        (partial / "report.md").write_text(report(name, result))
    return result


def _fill(
    name: str, found: Labelled | Classified, files: dict[str, ArrayFiles], journal: Journal, processes: int
) -> None:
    tasks = [
        Task(split, start, min(start + found.at_once, len(rows)))
        for split, rows in found.names.items()
        for start in range(0, len(rows), found.at_once)
    ]
    kept = _kept(found, files, journal, tasks)
    done, count = sum(len(task.rows) for task in tasks[:kept]), sum(map(len, found.names.values()))
    if done:
        print(f"{name}: {done} of {count} {found.what} are kept from an interrupted call", file=sys.stderr)
    left = tasks[kept:]
    processes = min(processes, 1 + len(left) // WORTH_A_PROCESS)
    with parallel.in_order(_reader(found, files), left, processes) as results:
        bar = progress(None, found.what, count, done)
        for task, said in zip(left, results, strict=True):
            files[task.split].take(task.rows)
            _take(found, task, said)
            journal.add(said)
            bar.update(len(task.rows))
        bar.close()


def _kept(found: Labelled | Classified, files: dict[str, ArrayFiles], journal: Journal, tasks: list[Task]) -> int:
    """Take what an interrupted call left, up to the first rows that are not on the disk as they were written."""
    for number, task in enumerate(tasks):
        said = journal.left()
        if said is None or not files[task.split].take(task.rows, [digests for digests, _ in said]):
            journal.cut()
            return number
        _take(found, task, said)
    return len(tasks)


def _take(found: Labelled | Classified, task: Task, said: list[tuple[dict[str, str], dict[str, Any]]]) -> None:
    for row, (digests, facts) in zip(task.rows, said, strict=True):
        found.take(task.split, row, digests, facts)


def _reader(found: Labelled | Classified, files: dict[str, ArrayFiles]) -> Callable[[], parallel.Work]:
    """What each process starts with: it opens the set, and then reads, checks and writes the rows of a task."""

    def start() -> parallel.Work:
        source = found.reopened()

        def one(split: str, row: int) -> tuple[dict[str, str], dict[str, Any]]:
            arrays, said = found.row(source, split, row)
            return files[split].write(row, arrays), said

        return lambda task: [one(task.split, row) for row in task.rows]

    return start


def _fingerprint(name: str, spec: Data, found: Labelled | Classified, made_of: str) -> str:
    """Digest of all that the arrays follow from."""
    versions = [np.__version__, PIL.__version__]
    like = {kind: [str(row.dtype), *row.shape] for kind, row in found.like.items()}
    published = listing(paths.directory(name, spec.directory)) if hasattr(spec, "directory") else ""
    return sha256_of_json([made_of, spec.model_dump(mode="json"), versions, like, published])


def _reserve(name: str, found: Labelled | Classified, folder: Path) -> None:
    count = sum(map(len, found.names.values()))
    needed = count * sum(row.nbytes for row in found.like.values())
    require_space(folder, needed + SPARE + count * SPARE_PER_ROW - occupied(folder))
    free = size(free_space(folder))
    print(f"{name}: writing {count} {found.what} ({size(needed)}) to {folder}, {free} free", file=sys.stderr)
