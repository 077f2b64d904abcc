"""Files that were written with a record, and records that must fit together."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.utils.digests import digest, sha256
from pipeline.utils.errors import BadInput
from pipeline.utils.records import AGAIN, Record, flatten

Place = Callable[[str], Path]
"""From the name of a file in a record to its path."""


def arrays(record: Record, path: Path) -> dict[str, np.ndarray]:
    """Read the arrays of an .npz. `BadInput` if it is not the file that `record` was written with."""
    with np.load(io.BytesIO(_written_with(record, path)), allow_pickle=False) as file:
        return dict(file)


def table(record: Record, path: Path) -> pd.DataFrame:
    """Read the rows of a .csv. `BadInput` if it is not the file that `record` was written with."""
    return pd.read_csv(io.BytesIO(_written_with(record, path)))


def agree(records: dict[Path, Record], place: Place) -> Iterator[str]:
    """Yield a sentence for each parameter or file on which two records disagree, and each file that is not theirs.

    This keeps runs with another input size, crop or data set out of a table, scores of older weights, records that were
    edited after others were made from them, and the weights of one run under the name of another. `place` says where a
    file lies that a record names.
    """
    yield from _same_everywhere(records)
    yield from _as_named(records, place)
    yield from _in_its_folder(records, place)
    yield from _of_one_run(records)


def _same_everywhere(records: dict[Path, Record]) -> Iterator[str]:
    first: dict[str, tuple[Any, Path]] = {}
    for path, record in records.items():
        # A study may pretrain in several ways, one for each recipe that its trials follow.
        params = {} if record["stage"] == "pretrain" else flatten(record["params"])
        for key, value in {**params, **record["inputs"], **record["outputs"]}.items():
            before, where = first.setdefault(key, (value, path))
            if value != before:
                yield (
                    f"{path} was made with {key} = {_short(value)}, but {where} with {_short(before)}; "
                    "run the stage of the older one again (`python -m pipeline plan` names it)"
                )


def _as_named(records: dict[Path, Record], place: Place) -> Iterator[str]:
    """Records whose digest is not the one that another record names.

    A trial is left out: it may have been scored again, and of its record a training uses the score alone.
    """
    for path, record in records.items():
        for name, named in record["inputs"].items():
            other = place(name)
            trial = record["stage"] == "train" and other.name == "scores.json"
            if other in records and not trial and digest(other) != named:
                yield (
                    f"{other} is not the record that {path} was made with: its digest is {_short(digest(other))}, not "
                    f"{_short(named)}; {AGAIN}"
                )


def _in_its_folder(records: dict[Path, Record], place: Place) -> Iterator[str]:
    """Records that name outputs, or the weights of a run, in another folder: those of another run."""
    for path, record in records.items():
        own = [*record["outputs"], *(name for name in record["inputs"] if record["stage"] == "evaluate")]
        for name in own:
            if place(name).parent != path.parent and Path(name).name != "manifest.json":
                yield f"{path} belongs to {name}, which is in another folder; delete it and {AGAIN}"


def _of_one_run(records: dict[Path, Record]) -> Iterator[str]:
    """Weights or curves that two trainings share, although their seeds or networks differ."""
    first: dict[tuple[str, str], tuple[Path, Any]] = {}
    for path, record in records.items():
        if record["stage"] != "train" or "diverged" in record["result"]:
            continue
        variant, seed = record["wildcards"]["variant"], record["wildcards"]["seed"]
        made_of = seed, record["params"].get(f"variants.{variant}")
        for name, content in record["outputs"].items():
            before, other = first.setdefault((Path(name).name, content), (path, made_of))
            if other != made_of:
                yield (
                    f"{path} and {before} hold the same {Path(name).name}, but trainings of different seeds or "
                    f"networks never end alike; delete the copied one and {AGAIN}"
                )


def _written_with(record: Record, path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise BadInput(f"{path} is missing; {AGAIN}") from None
    written = {Path(name).name: digest for name, digest in record["outputs"].items()}
    if written.get(path.name) != sha256(content):
        raise BadInput(
            f"{path} is cut short or belongs to another run: its checksum is not its record's; delete it and {AGAIN}"
        )
    return content


def _short(value: Any) -> str:
    is_digest = isinstance(value, str) and len(value) == 64
    return f"{value[:8]}…" if is_digest else str(value)
