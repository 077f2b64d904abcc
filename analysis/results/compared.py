"""What a record says against what something else gives, value by value."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.utils.records import AGAIN, flatten


def differences(path: Path, said: Any, given: Any, source: str, where: str = "") -> Iterator[str]:
    """A sentence for each value in `given` that `said` has otherwise."""
    found = flatten(_by_index(said))
    for key, value in flatten(_by_index(given)).items():
        if key in found and not _same(found[key], value):
            place = f"{where}: {key}" if where else key
            yield f"{path} says {place} = {found[key]}, but by {source} it is {value}; {AGAIN}"


def _by_index(tree: Any) -> Any:
    """Lists of mappings become mappings from their indices, so that each of their values has a key."""
    if isinstance(tree, dict):
        return {key: _by_index(value) for key, value in tree.items()}
    if isinstance(tree, list) and tree and isinstance(tree[0], dict):
        return {str(index): _by_index(value) for index, value in enumerate(tree)}
    return tree


def _same(one: Any, other: Any) -> bool:
    """Equal, up to the last digits: sums depend on numpy's order of additions."""
    if isinstance(one, bool) or isinstance(other, bool) or not all(isinstance(x, int | float) for x in (one, other)):
        return one == other
    return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)
