"""Print progress as whole lines every few seconds, so that parallel jobs can share one terminal."""

import sys
from collections.abc import Iterable
from typing import TypeVar

from tqdm import tqdm

SECONDS = 10
"""Time between two lines of one job."""

Item = TypeVar("Item")


class _Lines:
    """A file object that turns tqdm's redrawn bar into separate lines on standard error."""

    def write(self, text: str) -> None:
        line = text.replace("\x1b[A", "").strip("\r\n ")
        if line:
            print(line, file=sys.stderr, flush=True)

    def flush(self) -> None:
        sys.stderr.flush()


def progress(items: Iterable[Item], what: str, total: int | None = None, done: int = 0, unit: str = "") -> "tqdm[Item]":
    """Return a tqdm bar over `items` that prints a line every `SECONDS` seconds.

    `what` labels the bar, and `done` is the number of items that an earlier, interrupted job completed. Use the bar's
    `set_postfix_str` to show further values.
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
        bar_format="{desc}: {n_fmt}/{total_fmt} {unit}{postfix} · {elapsed} elapsed, {remaining} left",
    )
