"""Lists of studies for `batch`: which studies are wanted, the most important first."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from pipeline.config import paths, reading
from pipeline.config.types import Model, Name
from pipeline.utils.errors import BadInput, did_you_mean


class Entry(Model):
    """A study, or only the jobs of some of its `stages` with what they need."""

    study: Name
    stages: list[str] = []


class StudyList(Model):
    """The content of a list's file."""

    studies: Annotated[list[Entry], Field(min_length=1)]


def load(name: str) -> list[Entry]:
    """The entries of studies/lists/NAME.yaml, or of the file that is named. `BadInput` says what is wrong."""
    path = Path(name) if name.endswith(".yaml") else paths.fill(paths.LIST, list=name)
    if not path.is_file():
        known = sorted(each.stem for each in path.parent.glob("*.yaml"))
        there = f"there are {', '.join(known)}" if known else "there are none"
        raise BadInput(f"there is no list {path}{did_you_mean(path.stem, known)}; {there}")
    try:
        return StudyList.model_validate(reading.mapping(path)).studies
    except ValidationError as error:
        first = error.errors()[0]
        raise BadInput(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
