"""The one kind of failure a user can mend."""

import difflib
from collections.abc import Iterable


class BadInput(Exception):
    """Something the user gave is wrong: one sentence says what, where, what is allowed and what to do.

    The command line prints the sentence alone and exits with code 1; `--debug` adds the traceback.
    """


class Diverged(BadInput):
    """A training whose loss or scores are no numbers; `curve` is its loss by epoch, as far as it came."""

    def __init__(self, sentence: str, curve: list[dict[str, float]] | None = None):
        super().__init__(sentence)
        self.curve = curve or []


def did_you_mean(word: str, allowed: Iterable[str]) -> str:
    """Return ` (did you mean "x"?)` for the allowed word closest to `word`, or an empty string."""
    close = difflib.get_close_matches(word, list(allowed), n=1)
    return f' (did you mean "{close[0]}"?)' if close else ""
