"""Records: the JSON files that stages write. Sealing, reading and checking one, and flattening its mappings."""

import json
from pathlib import Path
from typing import Any

from pipeline.utils.digests import SEAL, sha256_of_json
from pipeline.utils.errors import BadInput

Record = dict[str, Any]

AGAIN = "run its stage again (`python -m pipeline plan` shows it)"
KEYS = ("wildcards", "params", "inputs", "outputs", "conditions", "result")


def sealed(record: Record) -> Record:
    """Return a record with the digest of all that it says, by which `read` sees whether a byte of it was changed."""
    said = {key: value for key, value in json.loads(json.dumps(record)).items() if key != SEAL}
    return record | {SEAL: sha256_of_json(said)}


def read(path: Path, **wildcards: object) -> Record:
    """Read a record. `BadInput` if it is missing, cut short, changed, not a record, or belongs to other `wildcards`."""
    try:
        record = json.loads(path.read_text())
    except FileNotFoundError:
        raise BadInput(f"{path} is missing; {AGAIN}") from None
    except (ValueError, RecursionError):
        raise BadInput(f"{path} is cut short or is not JSON; delete it and {AGAIN}") from None
    missing = [key for key in KEYS if not isinstance(record, dict) or key not in record]
    if missing:
        raise BadInput(f"{path} is not a record: it lacks {', '.join(missing)}; delete it and {AGAIN}")
    seal = record.pop(SEAL, None)  # records that were written before there were seals have none
    if seal is not None and seal != sha256_of_json(record):
        raise BadInput(f"{path} is not as its stage wrote it: its {SEAL} is another; delete it and {AGAIN}")
    for key, value in wildcards.items():
        found = record["wildcards"].get(key)
        if found != str(value):
            raise BadInput(f"{path} belongs to {key} {found}, not to {key} {value}; delete it and {AGAIN}")
    return record


def flatten(tree: Any, prefix: str = "") -> dict[str, Any]:
    """Turn nested mappings into one, whose keys are joined by dots."""
    if not isinstance(tree, dict):
        return {prefix: tree}
    parts = [flatten(value, f"{prefix}.{key}" if prefix else str(key)) for key, value in tree.items()]
    return {key: value for part in parts for key, value in part.items()}
