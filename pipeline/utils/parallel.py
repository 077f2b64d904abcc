"""Work through items in several processes and take the results in the items' order, as one process would give them."""

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import cache
from multiprocessing import connection, get_all_start_methods, get_context, parent_process
from typing import Any, TypeVar

from pipeline.utils.errors import Interrupted

AHEAD = 4
"""Items per process that are handed out before the result of the first of them is taken."""

Item = TypeVar("Item")
Result = TypeVar("Result")
Work = Callable[[Item], Result]


def cpus() -> int:
    """Return how many CPUs this process may use, which a scheduler can make fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def in_order(start: Callable[[], Work], items: Iterable[Item], processes: int) -> Iterator[Iterator[Result]]:
    """Yield an iterator over the result of each item, in order. Each process calls `start` once for what does the work.

    The error of an item is raised in its turn, after the results before it. Raises `Interrupted` if a process was
    killed. The processes end with this one, even if it is killed. One process, or a system that cannot fork, does the
    work here.
    """
    if processes < 2 or "fork" not in get_all_start_methods():
        yield map(start(), items)
        return
    # Forked processes share what `start` refers to, such as a list of a million files, without a copy of it.
    pool = ProcessPoolExecutor(processes, get_context("fork"), _begin, (start,))
    try:
        yield _results(pool, items, AHEAD * processes)
    finally:
        pool.shutdown(cancel_futures=True)


def _results(pool: ProcessPoolExecutor, items: Iterable[Item], ahead: int) -> Iterator[Result]:
    waiting: deque[Future[Result]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(_call, item))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool as error:
        raise Interrupted(
            "a process that did a part of the work was killed, which too little memory can cause; "
            "the same command continues where it stopped"
        ) from error


_started: Callable[[], Work] | None = None
"""In a process of a pool: its `start`, called at the first item and remembered."""


def _begin(start: Callable[[], Work]) -> None:
    global _started
    _started = cache(start)
    for number in (signal.SIGINT, signal.SIGTERM):  # which reach the whole group: this process ends with its parent
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    connection.wait([parent_process().sentinel])
    os._exit(1)


def _call(item: Any) -> Any:
    return _started()(item)
