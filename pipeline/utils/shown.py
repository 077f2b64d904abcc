"""One line of a terminal that is drawn again and again; whole lines where the output is not a terminal."""

import shutil
import sys
import time
from types import TracebackType
from typing import TextIO

SECONDS = 10.0
"""Time between two whole lines."""


class StatusLine:
    """A line at the end of standard error. Use it in a `with` statement, which ends the line."""

    def __init__(self, file: TextIO | None = None):
        self._file = file or sys.stderr
        self._last, self._drawn = -SECONDS, False

    def __enter__(self) -> "StatusLine":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None):
        self._clear()

    def show(self, text: str) -> None:
        """Replace the line, cut to the width of the terminal."""
        if self._file.isatty():
            width = shutil.get_terminal_size().columns - 1
            self._write("\r\x1b[K" + (text if len(text) <= width else f"{text[: width - 1]}…"))
            self._drawn = True
        elif time.monotonic() - self._last >= SECONDS:
            self._last = time.monotonic()
            self._write(f"{text}\n")

    def print(self, text: str) -> None:
        """Print a line that stays."""
        self._clear()
        self._write(f"{text}\n")

    def _clear(self) -> None:
        if self._drawn:
            self._write("\r\x1b[K")
            self._drawn = False

    def _write(self, text: str) -> None:
        self._file.write(text)
        self._file.flush()


def clock(seconds: float) -> str:
    """Minutes and seconds, as 12:05."""
    whole = max(0, round(seconds))
    return f"{whole // 60}:{whole % 60:02d}"
