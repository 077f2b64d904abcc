"""Files that were written with a record, and records that must fit together."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.utils.digests import sha256
from pipeline.utils.errors import BadInput
from pipeline.utils.records import AGAIN, Record, flatten


def arrays(record: Record, path: Path) -> dict[str, np.ndarray]:
    """Read the arrays of an .npz. `BadInput` if it is not the file that `record` was written with."""
    with np.load(io.BytesIO(_written_with(record, path)), allow_pickle=False) as file:
        return dict(file)


def table(record: Record, path: Path) -> pd.DataFrame:
    """Read the rows of a .csv. `BadInput` if it is not the file that `record` was written with."""
    return pd.read_csv(io.BytesIO(_written_with(record, path)))


def agree(records: dict[Path, Record]) -> None:
    """Raise `BadInput` if two records disagree on a parameter, or on the content of a file that both name.

    This keeps runs with another input size, crop or data set out of a table, and scores of older weights too.
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
        raise BadInput(
            f"{path} is cut short or belongs to another run: its checksum is not its record's; delete it and {AGAIN}"
        )
    return content


def _short(value: Any) -> str:
    is_digest = isinstance(value, str) and len(value) == 64
    return f"{value[:8]}…" if is_digest else str(value)
