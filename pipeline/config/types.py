"""The base class and the types that all sections of params.yaml share."""

import re
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from pipeline.utils.errors import did_you_mean


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


Natural = Annotated[int, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
FROM_TO = _written(r"([\d.]*\d) to ([\d.]*\d)", float, "two numbers, as in 0.75 to 1.75")
Range = Annotated[tuple[Positive, Positive], AfterValidator(_ascending), FROM_TO]
ROWS_X_COLUMNS = _written(r"(\d{1,9})x(\d{1,9})", int, "rows x columns, as in 512x1024")
Side = Annotated[int, Field(ge=64, le=4096)]
Size = Annotated[tuple[Side, Side], ROWS_X_COLUMNS]
"""Rows and columns, in pixels."""
Split = Literal["train", "val", "test"]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]
"""A name that may be part of a path."""
