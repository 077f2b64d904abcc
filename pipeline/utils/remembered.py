"""What was found in files, remembered from one process to the next, so that a file that stays as it is is read once.

A file counts as the same while its inode, size and times of change do. These are kept with what was found, in
work/found.json; deleting it costs only time. `forget` makes a process read every file again.
"""

import atexit
import contextlib
import json
import os
import sys
import time
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

FILE = Path("work/found.json")
SETTLED = 2_000_000_000
"""Nanoseconds after its last change from which on a file is remembered: a later change then shows in its times."""

Found = dict[str, tuple[list[int], Any]]
"""By what was asked of which file: the file's state, and the answer."""


class _Store:
    """What is remembered for one working directory."""

    def __init__(self, root: Path):
        self.root, self.path, self.new = root, root / FILE, Found()
        self.found: Found = self._read()

    def _read(self) -> Found:
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            content = json.loads(self.path.read_text())
            if content["by"] == _by():
                return {key: (list(state), answer) for key, (state, answer) in content["found"].items()}
        return {}

    def save(self) -> None:
        """Add what is new. Of two processes that end at once one may lose its part, which costs only time."""
        if not self.new or not self.path.parent.is_dir():
            return
        found = {key: each for key, each in (self._read() | self.new).items() if os.path.exists(key.partition(" ")[2])}
        temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        with contextlib.suppress(OSError):
            temporary.write_text(json.dumps({"by": _by(), "found": found}))
            os.replace(temporary, self.path)
        temporary.unlink(missing_ok=True)


_stores: dict[Path, _Store] = {}


def _here() -> _Store:
    root = Path.cwd()
    return _stores.get(root) or _stores.setdefault(root, _Store(root))


def of(question: str, path: Path, ask: Callable[[Path], Any]) -> Any:
    """`ask(path)`, whose answer is JSON, or what it was when the file was as it is now."""
    store = _here()
    key, state = f"{question} {store.root / path}", _state(path)
    if key in store.found and store.found[key][0] == state:
        return store.found[key][1]
    answer = ask(path)
    store.found[key] = state, answer
    if time.time_ns() - max(state[2:]) > SETTLED:
        store.new[key] = state, answer
    return answer


def keep(question: str, path: Path, answer: Any) -> None:
    """Remember the answer of `of` for a file that this process has just written."""
    store = _here()
    key = f"{question} {store.root / path}"
    store.found[key] = store.new[key] = _state(path), answer


def forget() -> None:
    """Read every file again, from now on, in this process."""
    for store in _stores.values():
        store.found.clear()
    _here().found.clear()


@atexit.register
def save() -> None:
    """Write what this process found out; called when it ends."""
    for store in _stores.values():
        store.save()


def _state(path: Path) -> list[int]:
    """What changes whenever the file does."""
    state = path.stat()
    return [state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns]


@cache
def _by() -> str:
    """The code that answers: what an earlier version of it found is not remembered."""
    rooms = (Path(__file__).parents[1] / name for name in ("graph", "utils"))
    code = b"".join(path.read_bytes() for room in rooms for path in sorted(room.glob("*.py")))
    return sha256(code + sys.version.encode()).hexdigest()
