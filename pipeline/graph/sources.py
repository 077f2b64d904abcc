"""Which of the project's files a job executes: the modules that its stage imports, and those found by name."""

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from pipeline.utils.digests import tree

ASSETS = (".html", ".css", ".js", ".rst")
"""Files of a package, besides its modules, that change what it makes."""


def of(modules: Iterable[str]) -> tuple[Path, ...]:
    """The project's modules that `modules` import, directly or not, with themselves, their packages and assets.

    A module that is imported by a name put together at run time is not found; name it among `modules`.
    """
    found = {path for module in modules for path in _closure(module, Path.cwd())}
    packages = [path.parent for path in found if path.name == "__init__.py"]
    return tuple(sorted(found | {path for folder in packages for path in folder.rglob("*") if path.suffix in ASSETS}))


def module(path: Path) -> str:
    """The name under which a file is imported."""
    return ".".join(path.with_suffix("").parts)


@cache
def _closure(module: str, root: Path) -> frozenset[Path]:
    found: set[Path] = set()
    waiting = [module]
    while waiting:
        module = waiting.pop()
        path = _file(module)
        if path and path not in found:
            found.add(path)
            waiting += [*_imports(root / path), module.rpartition(".")[0]]
    return frozenset(found)


def _file(module: str) -> Path | None:
    if not module:
        return None
    path = Path(*module.split("."))
    candidates = (path.with_suffix(".py"), path / "__init__.py")
    return next((candidate for candidate in candidates if candidate.exists()), None)


@cache
def _imports(path: Path) -> list[str]:
    """The modules that a file imports, at its top or in a function."""
    modules: list[str] = []
    for node in _executed(tree(path)):
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return modules


def _executed(node: ast.AST) -> Iterator[ast.AST]:
    """All statements and what they hold, except what stands under `if TYPE_CHECKING`."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"):
            yield from _executed(child)
