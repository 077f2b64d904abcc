"""One check of a study, and the table of all."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.utils.errors import BadInput

SHOWN = 5


@dataclass
class Check:
    """What was held against what: how many of them, and a sentence for each difference."""

    what: str
    against: str
    count: int = 0
    failures: list[str] = field(default_factory=list)
    unchecked: str = ""
    """What could not be checked; that is no failure."""

    def each(self, sentences: Callable[..., Iterable[str]], *arguments: Any, count: int = 1) -> None:
        """Add what a function yields for one more. A file that cannot be read is a failure too."""
        self.count += count
        try:
            self.failures += sentences(*arguments)
        except BadInput as error:
            self.failures.append(str(error))

    @property
    def result(self) -> str:
        if self.failures:
            return f"{len(self.failures)} failed"
        return f"{'ok' if self.count else 'not checked'}{f' ({self.unchecked})' if self.unchecked else ''}"


def table(checks: Sequence[Check]) -> str:
    """One line per check, in columns, and below them the first `SHOWN` differences of each."""
    rows = [("what", "against", "number", "result")]
    rows += [(check.what, check.against, str(check.count), check.result) for check in checks]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = ["  ".join([*(map(str.ljust, row, widths)), row[3]]) for row in rows]
    return "\n".join([*lines, *(f"- {sentence}" for check in checks for sentence in _first(check.failures))])


def _first(failures: list[str]) -> list[str]:
    more = len(failures) - SHOWN
    return failures if more <= 0 else [*failures[:SHOWN], f"and {more} more of this kind"]
