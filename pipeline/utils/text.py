"""Names that a user chose, written where other characters than letters have a meaning."""

import re
from typing import Any

FORMULA = re.compile(r"[=+\-@\t\r]")
NUMBER = re.compile(r'[-+]?([\d.]([^-+*(|!@"\t\r]|(?<= )\()*)?')
"""A number, and words after it, as in "+4.1 % where 5.5 % is allowed": nothing in it is computed or called."""


def csv_cell(value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula: a text that begins like one gets an apostrophe."""
    if isinstance(value, str) and FORMULA.match(value) and (value == "+" or not NUMBER.fullmatch(value)):
        return f"'{value}"
    return value


def markdown(text: str) -> str:
    """A text in a cell of a Markdown table: no further cell, no tag and no link."""
    return paragraph(" ".join(text.split("\n"))).replace("|", r"\|")


def paragraph(text: str) -> str:
    """A text in Markdown in which nothing is a tag or a link; a smaller-than sign before a space or a digit stays."""
    return re.sub(r"<(?=[A-Za-z/!?])", "&lt;", text).replace("](", r"]\(")


def drawn(text: str) -> str:
    """A text in a figure, where a dollar would begin a formula, and an underscore would hide it from the legend."""
    text = text.replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text


def metric(text: str) -> str:
    """A name as MLflow allows it for a metric."""
    return re.sub(r"[^A-Za-z0-9_\-. :/]", "_", text).replace("..", "__")
