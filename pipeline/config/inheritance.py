"""`like: OTHER` in params.yaml: an entry takes everything of another entry of its section and changes what it names.

YAML's own anchors and merge keys are written out by every tool that changes a value, such as `dvc exp run -S`.
"""

from typing import Any

from pipeline.utils.errors import BadInput, did_you_mean

KEY = "like"
SECTIONS = ("data", "recipes", "variants")


def resolve(raw: dict[str, Any], file: object) -> dict[str, Any]:
    """The content of a file with every entry complete. `BadInput` names an entry whose `like` leads nowhere."""
    return {key: _section(key, value, file) if key in SECTIONS else value for key, value in raw.items()}


def _section(section: str, entries: Any, file: object) -> Any:
    if not isinstance(entries, dict):
        return entries
    complete: dict[Any, Any] = {}
    for name in entries:
        for each in reversed(_chain(entries, name, complete, f"{file}: {section}")):
            entry = entries[each]
            complete[each] = _merged(complete[entry[KEY]], _without_key(entry)) if _is_like(entry) else entry
    return {name: complete[name] for name in entries}


def _chain(entries: dict[Any, Any], name: Any, complete: dict[Any, Any], place: str) -> list[Any]:
    """The entry, the one that it is like, and so on, up to one that is complete."""
    chain: dict[Any, None] = {}
    while name not in complete:
        chain[name] = None
        if not _is_like(entries[name]):
            break
        key, other = f"{place}.{name}.{KEY}", entries[name][KEY]
        if not isinstance(other, str) or other not in entries:
            hint, known = did_you_mean(str(other), map(str, entries)), ", ".join(map(str, entries))
            raise BadInput(f'{key} names "{other}"{hint}, known are {known}')
        if other in chain:
            circle = " -> ".join([*map(str, chain), other])
            raise BadInput(f"{key} leads back to an entry that is like it ({circle}); write out one of them")
        name = other
    return [*chain]


def _is_like(entry: Any) -> bool:
    return isinstance(entry, dict) and KEY in entry


def _without_key(entry: dict[Any, Any]) -> dict[Any, Any]:
    return {key: value for key, value in entry.items() if key != KEY}


def _merged(base: Any, changes: Any) -> Any:
    """A mapping changes those of its keys that are named, at any depth; every other value replaces the whole."""
    if not (isinstance(base, dict) and isinstance(changes, dict)):
        return changes
    return base | {key: _merged(base.get(key), value) for key, value in changes.items()}
