"""The base class and the types that all sections of params.yaml share."""

import re
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from pipeline.utils.errors import did_you_mean

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


class Model(BaseModel):
    """A section of params.yaml: it cannot be changed, and it refuses keys that it does not know.

    A field at its default is left out of `model_dump`, and so out of every record: a new field with a default leaves
    earlier results valid. The default itself must never change, because records that leave it out would then mean
    something else.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    def model_dump(self, **options: Any) -> dict[str, Any]:
        """The fields that differ from their defaults, as pydantic dumps them."""
        return super().model_dump(exclude_defaults=True, **options)


def one_of(what: str, known: Sequence[str]) -> AfterValidator:
    """A check that a string is one of `known`; its message says what kind of name (`what`) is missing."""

    def check(name: str) -> str:
        if name not in known:
            raise ValueError(f"there is no such {what}{did_you_mean(name, known)}; known are {', '.join(known)}")
        return name

    return AfterValidator(check)


def scale(least: float, most: float) -> Any:
    """Two bounds between `least` and `most`, the smaller first."""
    bound = Annotated[Number, Field(ge=least, le=most)]
    return Annotated[tuple[bound, bound], AfterValidator(_ascending), FROM_TO]


def _written(pattern: str, number: Callable[[str], Any], form: str) -> BeforeValidator:
    """A check that lets a pair be one word besides a list. DVC writes every list anew, one entry a line."""

    def read(pair: Any) -> Any:
        if not isinstance(pair, str):
            return pair
        found = re.fullmatch(pattern, pair, re.ASCII)
        if not found:
            raise ValueError(f"it must be {form}")
        return tuple(map(number, found.groups()))

    return BeforeValidator(read)


def _ascending(bounds: tuple[float, float]) -> tuple[float, float]:
    if bounds[0] > bounds[1]:
        raise ValueError("the bounds must stand smaller first")
    return bounds


def is_name(text: str) -> bool:
    """Whether a text may be a name: at most 64 of the letters A to Z, a to z, 0 to 9, _ and -, the first none of the
    last two."""
    return NAME.fullmatch(text) is not None


def _name(text: str) -> str:
    if not is_name(text):
        raise ValueError(
            "a name has at most 64 letters of A-Z, a-z, 0-9, _ and -, and starts with none of the last two"
        )
    return text


def _number(value: Any) -> Any:
    """YAML reads 1e-3 as text; pydantic makes it a number. It would also take `true` for 1."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("input should be a number")
    return value


def _once(values: list[Any]) -> list[Any]:
    if any(values.index(value) < index for index, value in enumerate(values)):
        raise ValueError("it holds an entry twice")
    return values


def one_line(most: int) -> Any:
    """A text of at most `most` letters, all of which can be printed: no line breaks, no codes for terminals."""
    return Annotated[str, Field(max_length=most), AfterValidator(_printable)]


def _printable(text: str) -> str:
    line = text.rstrip("\n")  # a text that begins with > ends in a line break
    if not line.isprintable():
        raise ValueError("it must be one line of printable letters")
    return line


Whole = Annotated[int, Field(strict=True)]
"""An integer. `true`, 1.0 and "1" are refused, because one run would then have several names."""
Number = Annotated[float, Field(allow_inf_nan=False), BeforeValidator(_number)]
Seed = Annotated[Whole, Field(ge=0, lt=2**32)]
"""What every generator of random numbers accepts."""
Steps = Annotated[Whole, Field(ge=0, le=1_000_000)]
Threads = Annotated[Whole, Field(ge=1, le=1024)]
Batch = Annotated[Whole, Field(ge=1, le=65_536)]
Pixels = Annotated[Whole, Field(ge=1, le=4096 * 4096)]
Share = Annotated[Number, Field(ge=0, le=1)]
Unique = AfterValidator(_once)
"""A check that a list has no duplicates."""
Side = Annotated[Whole, Field(ge=64, le=4096)]
FROM_TO = _written(r"(\d+(?:\.\d+)?) to (\d+(?:\.\d+)?)", float, "two numbers, as in 0.75 to 1.75")
ROWS_X_COLUMNS = _written(r"(\d{1,9})x(\d{1,9})", int, "rows x columns, as in 512x1024")
Size = Annotated[tuple[Side, Side], ROWS_X_COLUMNS]
"""Rows and columns, in pixels."""
Split = Literal["train", "val", "test"]
Name = Annotated[str, AfterValidator(_name)]
"""A name that may be part of a path."""
