"""One legible status line a job, now and then, with the time left: jobs side by side share a terminal."""

import sys
from collections.abc import Iterable
from typing import TypeVar

from tqdm import tqdm

SECONDS = 10
"""Between two lines of one job."""

Item = TypeVar("Item")


class _Lines:
    """A file that turns tqdm's redrawn bar into whole lines on standard error."""

    def write(self, text: str) -> None:
        line = text.replace("\x1b[A", "").strip("\r\n ")
        if line:
            print(line, file=sys.stderr, flush=True)

    def flush(self) -> None:
        sys.stderr.flush()


def progress(items: Iterable[Item], what: str, total: int | None = None, done: int = 0, unit: str = "") -> "tqdm[Item]":
    """Iterate over `items`, saying every few seconds how far `what` is and how long the rest takes.

    `done` items were done before (a resumed job). Figures worth showing go into the bar's `set_postfix_str`.
    """
    return tqdm(
        items,
        desc=what,
        total=total,
        initial=done,
        unit=unit,
        file=_Lines(),
        mininterval=SECONDS,
        maxinterval=SECONDS,
        delay=2,
        bar_format="{desc}: {n_fmt}/{total_fmt} {unit}{postfix} · {elapsed} gone, {remaining} left",
    )
