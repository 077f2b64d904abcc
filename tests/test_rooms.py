"""The layout: each room imports only what its `__init__.py` allows, and what is found by name is where it is sought.

A room is `models`, `models.peers`, or a folder of `pipeline` or `analysis`; modules beside those folders form the room
`pipeline` or `analysis`. A room's docstring ends with what it may import: `May import: config, utils.`
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from models.build import build
from pipeline.config import params
from pipeline.config.data import PUBLISHED
from pipeline.data import registry
from pipeline.data.sets import camvid
from pipeline.graph import graph, sources
from tests.conftest import ROOT

ROOMS = ["models", "models.peers", "pipeline", "analysis"]
ROOMS += [f"{path.parent.parent.name}.{path.parent.name}" for top in ROOMS[2:] for path in ROOT.glob(f"{top}/*/*.py")]
ROOMS = sorted(set(ROOMS))
TORCH_FREE = ("analysis.study", "pipeline.config.params", "pipeline.graph.graph")


def room_of(name: str) -> str | None:
    """The room that holds a module or a name in it; None for what is not of the project."""
    parts = name.split(".")
    return next((room for room in (".".join(parts[:2]), parts[0]) if room in ROOMS), None)


def allowed(room: str) -> list[str]:
    """Rooms and modules that the room's docstring allows; short names are those of rooms beside it."""
    docstring = ast.get_docstring(ast.parse((ROOT / room.replace(".", "/") / "__init__.py").read_text())) or ""
    last = " ".join(docstring.rpartition("\n\n")[2].split())
    rule = re.fullmatch(r"May import: (.+)\.", last)
    assert rule, f'the docstring of {room} must end with a paragraph such as "May import: config, utils."'
    names = [] if rule[1] == "nothing" else rule[1].split(", ")
    top = room.partition(".")[0]
    return [f"{top}.{name}" if f"{top}.{name}" in ROOMS else name for name in names]


def files(room: str) -> list[Path]:
    """The room's modules, without those of rooms inside it."""
    folder = ROOT / room.replace(".", "/")
    return [path for path in folder.rglob("*.py") if room_of(module_of(path)) == room]


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def imports(path: Path) -> Iterator[str]:
    """Every name that a module imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path} imports by a relative name, which this test does not follow"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def outside(room: str) -> list[str]:
    """What the room imports although its docstring does not allow it."""
    permitted = tuple(f"{name}." for name in [room, *allowed(room)])
    found = {(path, name) for path in files(room) for name in imports(path) if room_of(name) not in (None, room)}
    return sorted(f"{path.relative_to(ROOT)}: {name}" for path, name in found if not f"{name}.".startswith(permitted))


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_what_its_docstring_allows(room):
    assert outside(room) == []


def test_what_rooms_may_import_has_no_circle():
    known = {room: {room_of(name) for name in allowed(room)} for room in ROOMS}
    assert None not in set().union(*known.values()), known
    TopologicalSorter(known).prepare()


def test_networks_know_nothing_of_the_rest_and_the_analysis_knows_no_network():
    """These directions are the design's; a docstring may not allow more."""
    assert not [name for room in ("models", "models.peers") for name in allowed(room) if not name.startswith("models")]
    forbidden = ("models", "pipeline.training", "pipeline.evaluation", "pipeline.graph")
    analysis = [name for room in ROOMS if room.startswith("analysis") for name in allowed(room)]
    assert not [name for name in analysis if name.startswith(forbidden)]
    assert set(allowed("pipeline.config")) == {"models.interpretation", "models.space", "pipeline.utils"}


@pytest.mark.parametrize("module", TORCH_FREE)
def test_what_reads_and_plans_loads_neither_torch_nor_mlflow(module):
    check = f"import sys, {module}; sys.exit(not {{'torch', 'mlflow'}}.isdisjoint(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_published_data_sets_are_found_by_the_names_of_their_files():
    assert {"camvid", "cityscapes"} <= set(PUBLISHED)
    assert [len(registry.classes(kind)) for kind in ("camvid", "cityscapes")] == [11, 19]


def test_the_checksums_of_camvid_are_found():
    assert camvid.CHECKSUMS == ROOT / "data/camvid.sha256" and camvid.CHECKSUMS.is_file()


def test_peers_are_found_by_the_names_of_their_files():
    assert params.Peer(peer="enet").module == Path("models/peers/enet.py")
    assert type(build({"peer": "enet"}, 2)).__module__ == "models.peers.enet"


@pytest.mark.parametrize("stage", graph.STAGES)
def test_the_module_of_a_stage_is_a_file_among_its_sources(stage):
    module = graph.STAGES[stage].module
    assert Path(find_spec(module).origin).is_relative_to(ROOT), import_module(module)
    assert Path(f"{module.replace('.', '/')}.py") in sources.of([module])
