"""Errors that the user can fix, and suggestions for misspelt words."""

import difflib
from collections.abc import Iterable


class BadInput(Exception):
    """Invalid input from the user. The message is one sentence: what is wrong, where, what is allowed, what to do.

    The command line prints only this sentence and exits with code 1; `--debug` adds the traceback.
    """


class Interrupted(BadInput):
    """Raised if work was stopped from outside. What was written so far stays, and the same command continues it."""


class Diverged(BadInput):
    """Raised if a training's loss or scores are not finite. `curve` holds the rows of the epochs trained so far."""

    def __init__(self, sentence: str, curve: list[dict[str, float]] | None = None):
        super().__init__(sentence)
        self.curve = curve or []


def one_line(sentence: str, most: int = 2000) -> str:
    """A sentence as one line that is safe to print: letters that would control a terminal are escaped."""
    shown = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in sentence)
    return shown if len(shown) <= most else f"{shown[: most // 2]} … {shown[-most // 2 :]}"


def refuse(sentences: Iterable[str]) -> None:
    """Raise `BadInput` with the first sentence, if there is one."""
    for sentence in sentences:
        raise BadInput(sentence)


def did_you_mean(word: str, allowed: Iterable[str]) -> str:
    """Return ` (did you mean "x"?)` for the allowed word closest to `word`, or an empty string if none is close."""
    close = difflib.get_close_matches(word, list(allowed), n=1)
    return f' (did you mean "{close[0]}"?)' if close else ""
