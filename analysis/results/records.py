"""Reads result files and refuses what is missing, cut short, or made from something else than its neighbours."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.utils.digests import sha256
from pipeline.utils.errors import BadInput

Record = dict[str, Any]

AGAIN = "run its stage again (`python -m pipeline plan` names it)"
KEYS = ("wildcards", "params", "inputs", "outputs", "conditions", "result")


def read(path: Path, **wildcards: object) -> Record:
    """A stage's JSON record. `BadInput` where it is missing, cut short, or belongs to other `wildcards`."""
    try:
        record = json.loads(path.read_text())
    except FileNotFoundError:
        raise BadInput(f"{path} is missing; {AGAIN}") from None
    except ValueError:
        raise BadInput(f"{path} is cut short or is not JSON; delete it and {AGAIN}") from None
    missing = [key for key in KEYS if not isinstance(record, dict) or key not in record]
    if missing:
        raise BadInput(f"{path} is no record: it lacks {', '.join(missing)}; delete it and {AGAIN}")
    for key, value in wildcards.items():
        found = record["wildcards"].get(key)
        if found != str(value):
            raise BadInput(f"{path} belongs to {key} {found}, not to {key} {value}; delete it and {AGAIN}")
    return record


def arrays(record: Record, path: Path) -> dict[str, np.ndarray]:
    """The arrays of an .npz that `record` was written with."""
    with np.load(io.BytesIO(_written_with(record, path)), allow_pickle=False) as file:
        return dict(file)


def table(record: Record, path: Path) -> pd.DataFrame:
    """The rows of a .csv that `record` was written with."""
    return pd.read_csv(io.BytesIO(_written_with(record, path)))


def agree(records: dict[Path, Record]) -> None:
    """`BadInput` if two records disagree on a parameter, or on the content of a file that both name.

    So no run with another input size, crop or data set stands beside the others, and no score is of older weights.
    """
    first: dict[str, tuple[Any, Path]] = {}
    for path, record in records.items():
        for key, value in {**flatten(record["params"]), **record["inputs"], **record["outputs"]}.items():
            before, where = first.setdefault(key, (value, path))
            if value != before:
                raise BadInput(
                    f"{path} was made with {key} = {_short(value)}, but {where} with {_short(before)}; "
                    "run the stage of the older one again (`python -m pipeline plan` names it)"
                )


def _written_with(record: Record, path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise BadInput(f"{path} is missing; {AGAIN}") from None
    written = {Path(name).name: digest for name, digest in record["outputs"].items()}
    if written.get(path.name) != sha256(content):
        raise BadInput(f"{path} is cut short or of another run: its record has another checksum; delete it and {AGAIN}")
    return content


def flatten(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one, keys joined by dots."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        flat |= flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat


def _short(value: Any) -> str:
    is_digest = isinstance(value, str) and len(value) == 64
    return f"{value[:8]}…" if is_digest else str(value)
