"""What is wrong in a YAML file, as one sentence."""

import reprlib
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel, Discriminator, ValidationError

from pipeline.config import paths
from pipeline.utils.errors import did_you_mean

SHOWN = reprlib.Repr()
"""How values are shown: not all of a long one."""
SHOWN.maxlist, SHOWN.maxstring, SHOWN.maxother, SHOWN.maxlevel = 10, 60, 60, 2


def sentence(error: ValidationError, root: type[BaseModel], file: Path) -> str:
    """The first mistake: its key as the user wrote it, its value, and what is allowed.

    A wrong kind comes first, then an unknown key, because a misspelt key is also a missing one. `root` is the class
    that was validated, `file` is where the study stands.
    """
    first = min(error.errors(), key=lambda each: (each["loc"][-1:] != ("kind",), each["type"] != "extra_forbidden"))
    place, parent = _place(root, first["loc"])
    key, kind = ".".join(place), first["type"]
    file = file if place[:1] in ([], ["study"]) else Path(paths.PARAMS)
    if kind == "extra_forbidden":
        allowed = list(parent.model_fields)
        return f"{file}: {key} is unknown{did_you_mean(place[-1], allowed)}; allowed here are {', '.join(allowed)}"
    if kind == "missing":
        return f"{file}: {key} is missing; add it"
    message = first["msg"].removeprefix("Value error, ")
    value = "" if isinstance(first["input"], dict) else f" is {SHOWN.repr(first['input'])}"
    return f"{file}: " + (f"{key}{value}: {message[0].lower()}{message[1:]}" if key else message)


def _place(root: type[BaseModel], loc: tuple[int | str, ...]) -> tuple[list[str], Any]:
    """The keys that lead to a mistake as the user wrote them, and the class that holds the last of them.

    pydantic puts the tag of a union's member between the keys.
    """
    keys: list[str] = []
    kind = parent = root
    for part in map(str, loc):
        members = _members(kind)
        if part in members:
            kind = members[part]
        else:
            keys.append(part)
            kind, parent = _child(kind, part), kind
    return keys, parent


def _members(kind: Any) -> dict[str, Any]:
    """The classes of a tagged union by their tags; empty for any other type."""
    if not any(isinstance(each, Discriminator) for each in getattr(kind, "__metadata__", ())):
        return {}
    return {tag.tag: member for member, tag in map(get_args, get_args(get_args(kind)[0]))}


def _child(kind: Any, key: str) -> Any:
    """The type at a key of a class or of a mapping; None for any other type and for an unknown key."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind.model_fields[key].annotation if key in kind.model_fields else None
    return get_args(kind)[1] if get_origin(kind) is dict else None
