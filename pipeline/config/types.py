"""The base class and the types that all sections of params.yaml share."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

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


def _ascending(bounds: tuple[float, float]) -> tuple[float, float]:
    if bounds[0] > bounds[1]:
        raise ValueError("the bounds must stand smaller first")
    return bounds


Natural = Annotated[int, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Range = Annotated[tuple[Positive, Positive], AfterValidator(_ascending)]
Side = Annotated[int, Field(ge=64, le=4096)]
Size = tuple[Side, Side]
"""Rows and columns, in pixels."""
Split = Literal["train", "val", "test"]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]
"""A name that may be part of a path."""
