"""The candidate interpretations of what the paper leaves open, with their errors."""

from collections.abc import Iterator
from typing import Any

from analysis.report.words import significant
from analysis.tables.table import Cell, Grid, Heading, Part
from pipeline.utils.records import Record, flatten

TITLES = {
    "candidates": "The best candidates and the named ones",
    "questions": "Each question alone",
    "without_table": "Chosen without one table, and compared with it",
    "rounding": "Distance to the best when the digits that the paper rounded off are drawn at random",
}
"""Headings of the keys of the record's result. Other keys are their own heading."""
BY_CELL = "errors"
"""Key of a candidate's errors, one per cell."""
ELSEWHERE = ("best", "simplest_as_good", "named", "cells")
"""Keys that are shown with the candidates: the first candidate is the best, and cells are the rows of their errors."""
HIDDEN = (BY_CELL, "interpretation", "changed")
"""Keys of a candidate that have a table of their own, or repeat another one."""
SHARES = ("error", "score", "median", "worst", "behind", "interval")
"""Words in the name of a number that is a share, shown in %."""


def parts(record: Record | None) -> list[Part]:
    """A sentence, or a heading with a table, for each key of the result. Nothing without a record."""
    found: list[Part] = []
    result = record["result"] if record else {}
    for key, value in result.items():
        title = TITLES.get(key, key.replace("_", " ").capitalize())
        rows = _rows(_numbered(value, result)) if key == "candidates" else _rows(value)
        rows = _answers(value) if key == "questions" else rows
        if rows is None:
            found.append(f"{title}: {_cell(key, value).text}.")
        elif rows and key not in ELSEWHERE:
            found += [Heading(title), *_table(title, rows)]
        if key == "candidates":
            found += _errors(value, result.get("cells", []))
    return found


def _numbered(candidates: list[dict[str, Any]], result: dict[str, Any]) -> list[dict[str, Any]]:
    """The candidates with their number, the best first, and their name if they have one."""
    named = {name: each["interpretation"] for name, each in result.get("named", {}).items()}
    simplest = result.get("simplest_as_good", {}).get("interpretation")
    names = {
        str(each): f" ({', '.join([name] + ['the simplest as good as the best'] * (each == simplest))})"
        for name, each in named.items()
    }
    return [
        {"candidate": f"{place + 1}{names.get(str(each.get('interpretation')), '')}", **each}
        for place, each in enumerate(candidates)
    ]


def _answers(questions: dict[str, dict[str, float]]) -> list[dict[str, Any]]:
    """One row per question and answer: the best score with that answer."""
    return [
        {"question": question, "answer": answer, "best score": score}
        for question, answers in questions.items()
        for answer, score in answers.items()
    ]


def _rows(value: Any) -> list[dict[str, Any]] | None:
    """Flat rows with the answers last and without errors by cell. None if `value` is not a table."""
    if isinstance(value, list) and all(isinstance(each, dict) for each in value):
        numbers = [{key: one for key, one in each.items() if key not in HIDDEN} for each in value]
        return [
            flatten(one) | flatten(each.get("interpretation", {})) for one, each in zip(numbers, value, strict=True)
        ]
    if not isinstance(value, dict):
        return None
    if all(isinstance(each, dict) for each in value.values()):
        return _rows([{"": name, **each} for name, each in value.items()])
    return [{"": name, "value": each} for name, each in flatten(value).items()]


def _table(title: str, rows: list[dict[str, Any]]) -> Iterator[Part]:
    """A sentence with the columns in which all rows agree, and a table of the other columns."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    if len(rows) > 1:
        same = [key for key in columns if all(row.get(key) == rows[0].get(key) for row in rows)]
        if same:
            said = ", ".join(f"{_words(key)} {_cell(key, rows[0][key]).text}" for key in same)
            yield f"The same for all: {said}."
        columns = [key for key in columns if key not in same]
    cells = [[_cell(key, row.get(key)) for key in columns] for row in rows]
    yield Grid(title, [_words(key) for key in columns], cells)


def _errors(candidates: list[dict[str, Any]], cells: list[dict[str, Any]]) -> Iterator[Part]:
    """One row per cell and one column per candidate, in the order of the candidates' table."""
    by_candidate = [each[BY_CELL] for each in candidates if len(each.get(BY_CELL, ())) == len(cells)]
    if by_candidate:
        said = ("variant", "quantity", "tables", "fitted_by", "paper")
        rows = [
            [_cell(key, cell.get(key)) for key in said] + [_cell("error", errors[index]) for errors in by_candidate]
            for index, cell in enumerate(cells)
        ]
        columns = [key.replace("_", " ") for key in said] + [str(place + 1) for place in range(len(by_candidate))]
        yield Heading("Errors by cell, one column per candidate")
        yield Grid("Errors by cell", columns, rows)


def _words(key: str) -> str:
    """A key of the record for readers: its part and its question."""
    return key.replace("_", " ").replace(".", ": ")


def _cell(key: str, value: Any) -> Cell:
    if isinstance(value, list):
        return Cell(", ".join(_cell(key, each).text for each in value))
    if isinstance(value, bool):
        return Cell("yes" if value else "no")
    if not isinstance(value, int | float):
        return Cell("" if value is None else str(value))
    if isinstance(value, float) and any(word in key for word in SHARES):
        return Cell(f"{100 * value:{'+' if key == 'error' else ''}.1f} %".replace("-", "\N{MINUS SIGN}"), value)
    # Three digits, except for what the paper prints.
    return Cell(significant(value) if isinstance(value, float) and key != "paper" else str(value), value)
