"""What a file says, as a SHA-256. A job runs again when the digest of one of its files changes.

Digests are remembered from one process to the next (pipeline/utils/remembered.py).
"""

import ast
import hashlib
import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.utils import pointers, remembered
from pipeline.utils.errors import BadInput

RECORD = {"stage", "params", "inputs", "outputs", "result"}
"""The keys by which a JSON file is known to be the record of a stage."""

SEAL = "sha256"
"""The key of a record whose value is the digest of all else in it."""

HOW_IT_WAS_MADE = {"conditions", "sources", SEAL}
"""What a record says that no later job depends on: when, at which commit, on which machine and by which modules.

`stage`, `wildcards`, `params`, `inputs`, `outputs` and `result` remain. A trial's learning rate is among its
parameters, and its score in its result. The digests of all that a study tracks are the inputs and outputs in the record
of its analysis. So preparing the same frames again changes no digest, and other frames do."""


def digests(paths: Iterable[Path]) -> dict[str, str]:
    """The digest of each file that exists, by its path."""
    return {str(path): digest(path) for path in paths if path.exists()}


def digest(path: Path) -> str:
    """SHA-256 of what a file says.

    A Python module says its syntax tree: comments, docstrings and line breaks do not count. A record says what
    remains without `HOW_IT_WAS_MADE`. Weights and arrays that were left elsewhere say what their pointer names. Every
    other file says its bytes.
    """
    return remembered.of("digest", path, _digest)


def known(path: Path, digest: str) -> None:
    """Remember the digest of a file that this process has just written."""
    remembered.keep("digest", path, digest)


def sha256(content: bytes) -> str:
    """SHA-256 of a file's bytes: its digest if it is neither a module nor a record."""
    return hashlib.sha256(content).hexdigest()


def sha256_of_json(value: Any) -> str:
    """SHA-256 of a value as JSON with sorted keys."""
    return sha256(json.dumps(value, sort_keys=True).encode())


def tree(path: Path) -> ast.Module:
    """The syntax tree of a module; not to be changed, equal modules share one."""
    try:
        return _parsed(path.read_bytes())
    except SyntaxError as error:
        raise BadInput(f"{path}, line {error.lineno} is not valid Python: {error.msg}") from None


def _digest(path: Path) -> str:
    if path.suffix == ".py":
        return _digest_of_module(tree(path))
    if path.suffix == ".json":
        return _digest_of_json(path.read_bytes())
    if path.suffix in (".pt", ".npy") and (named := pointers.read(path)):
        return named
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@cache
def _parsed(content: bytes) -> ast.Module:
    return ast.parse(content)


@cache
def _digest_of_module(module: ast.Module) -> str:
    return sha256(_statements(module).encode())


def _digest_of_json(content: bytes) -> str:
    try:
        record = json.loads(content)
    except (ValueError, RecursionError):
        return sha256(content)
    if not isinstance(record, dict) or not record.keys() >= RECORD:
        return sha256(content)
    return sha256_of_json({key: value for key, value in record.items() if key not in HOW_IT_WAS_MADE})


def _statements(node: Any) -> str:
    """A syntax tree as text, without what says nothing: fields that are empty, and strings that stand alone.

    `ast.dump` would write other fields in Python 3.12 than in 3.11, and so give the same module another digest.
    """
    if isinstance(node, list):
        return f"[{','.join(_statements(each) for each in node if not _is_docstring(each))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = [(name, value) for name in node._fields if (value := getattr(node, name, None)) not in (None, [])]
    if isinstance(node, ast.JoinedStr):  # Python 3.12 ends a format such as {x:{y}} with an empty text
        fields = [("values", [each for each in node.values if getattr(each, "value", None) != ""])]
    return f"{type(node).__name__}({','.join(f'{name}={_statements(value)}' for name, value in fields)})"


def _is_docstring(node: Any) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
