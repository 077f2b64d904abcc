"""Which of the project's files a job executes: the modules that its stage imports, and those found by name."""

import ast
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from pipeline.utils import remembered
from pipeline.utils.digests import tree

ASSETS = (".html", ".css", ".js", ".rst")
"""Files of a package, besides its modules, that change what it makes."""


def of(modules: Iterable[str]) -> tuple[Path, ...]:
    """The project's modules that `modules` import, directly or not, with themselves, their packages and assets.

    A module that is imported by a name put together at run time is not found; name it among `modules`.
    """
    return _of(frozenset(modules), Path.cwd())


@cache
def _of(modules: frozenset[str], root: Path) -> tuple[Path, ...]:
    found = {path for module in modules for path in _closure(module, root)}
    packages = [path.parent for path in found if path.name == "__init__.py"]
    return tuple(sorted(found | {path for package in packages for path in _assets(package)}))


def _assets(package: Path) -> list[Path]:
    """The assets of a package, also those in its folders that are not packages themselves."""
    inner = (path for path in package.iterdir() if path.is_dir() and not (path / "__init__.py").exists())
    return [path for folder in (package, *inner) for path in folder.iterdir() if path.suffix in ASSETS]


def packages(modules: Iterable[str]) -> set[str]:
    """The packages from elsewhere that `modules` import, directly or not, by the names that `import` takes."""
    files = {path for module in modules for path in _closure(module, Path.cwd())}
    names = {name.partition(".")[0] for path in files for name in _imports(path)}
    return {name for name in names if not (_file(name, Path.cwd()) or name in sys.stdlib_module_names)}


def module(path: Path) -> str:
    """The name under which a file is imported."""
    return ".".join(path.with_suffix("").parts)


@cache
def _closure(module: str, root: Path) -> frozenset[Path]:
    found: set[Path] = set()
    waiting = [module]
    while waiting:
        module = waiting.pop()
        path = _file(module, root)
        if path and path not in found:
            found.add(path)
            waiting += [*remembered.of("imports", root / path, _imports), module.rpartition(".")[0]]
    return frozenset(found)


@cache
def _file(module: str, root: Path) -> Path | None:
    if not module:
        return None
    path = Path(*module.split("."))
    candidates = (path.with_suffix(".py"), path / "__init__.py")
    return next((candidate for candidate in candidates if (root / candidate).exists()), None)


def _imports(path: Path) -> list[str]:
    return _imported(tree(path))


@cache
def _imported(tree: ast.Module) -> list[str]:
    """The modules that a module imports, at its top or in a function."""
    modules: list[str] = []
    for node in _executed(tree):
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return modules


def _executed(node: ast.AST) -> Iterator[ast.AST]:
    """All statements in a node, except those under `if TYPE_CHECKING`."""
    for block in ("body", "orelse", "finalbody", "handlers", "cases"):
        for each in getattr(node, block, ()):
            yield each
            if not (isinstance(each, ast.If) and getattr(each.test, "id", None) == "TYPE_CHECKING"):
                yield from _executed(each)
