"""Whatever a user types or writes by mistake or on purpose ends in one sentence, exit code 1, and nothing written."""

import math
import os
import reprlib
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from pipeline.__main__ import main
from pipeline.config import params
from pipeline.graph import graph
from tests.conftest import Workspace, copy_repository
from tests.hostile_commands import COMMANDS, FILES
from tests.hostile_values import VALUES


@pytest.fixture(scope="module")
def pristine(tmp_path_factory) -> Workspace:
    """What a study is read from, without the code."""
    return copy_repository(tmp_path_factory.mktemp("study"), ("params.yaml", "studies", "data/paper"))


@pytest.fixture(scope="module")
def sections(pristine) -> dict[str, str]:
    """The sections of params.yaml, each as YAML."""
    content = yaml.load((pristine.root / "params.yaml").read_text(), yaml.CSafeLoader)
    return {name: dump({name: section}) for name, section in content.items()}


@pytest.fixture
def root(pristine, monkeypatch) -> Iterator[Path]:
    """It as the test's working directory. A refused command writes nothing, so that many tests can share it."""
    monkeypatch.chdir(pristine.root)
    for name in ("CAMVID_DIR", "CITYSCAPES_DIR", "IMAGENET_DIR"):
        monkeypatch.delenv(name, raising=False)
    path = pristine.root / "params.yaml"
    before = path.read_bytes()
    yield pristine.root
    path.write_bytes(before)


@pytest.fixture
def copy(root, tmp_path, monkeypatch) -> Path:
    """A copy of it for a test that changes other files."""
    shutil.copytree(root, tmp_path / "study", ignore=shutil.ignore_patterns("work", "results", "prepared"))
    monkeypatch.chdir(tmp_path / "study")
    return tmp_path / "study"


def refused(root: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str) -> str:
    """Run a command, which must end in one sentence with `words` in it, code 1, and no file written or changed."""
    before = files(root)
    code = main(arguments)
    said = capsys.readouterr()
    assert code == 1 and said.out == ""
    *_, sentence = said.err.splitlines()
    assert sentence.startswith("error: ") and words in sentence and len(sentence) < 2500, said.err
    assert "Traceback" not in said.err and said.err.count("\n") <= 2
    assert all(letter.isprintable() for letter in sentence)
    assert files(root) == before
    return sentence


def files(root: Path) -> dict[Path, tuple[int, int]]:
    """What lies in a folder, except what a job that was started may leave: its log, its lock and its empty folder."""
    found = (path for path in root.rglob("*") if not path.is_dir() or path.is_symlink())
    states = {path: os.lstat(path) for path in found if path.relative_to(root).parts[0] != "work"}
    return {path: (state.st_size, state.st_mtime_ns) for path, state in states.items()}


@pytest.mark.parametrize(
    ("key", "value", "words"), VALUES, ids=[f"{key[:40]}={reprlib.repr(value):.40}" for key, value, _ in VALUES]
)
def test_a_value_that_no_one_can_mean(root, sections, capsys, key, value, words):
    section = key.partition(".")[0].rstrip("-")
    changed = yaml.load(sections.get(section, "{}"), yaml.CSafeLoader)
    edit(changed, key, value)
    Path("params.yaml").write_text("".join((sections | {section: dump(changed) if changed else ""}).values()))
    sentence = refused(root, capsys, ["plan"], words)
    assert sentence.startswith("error: params.yaml")


def dump(content: dict) -> str:
    return yaml.dump(content, Dumper=yaml.CSafeDumper, allow_unicode=True)


def edit(changed: dict, key: str, value: object) -> None:
    *parents, last = key.split(".") if "/" not in key else key.split(".", 1)
    for parent in parents:
        changed = changed[parent]
    if last.endswith("-"):
        del changed[last[:-1]]
    else:
        changed[last] = value


@pytest.mark.parametrize(("arguments", "words"), COMMANDS, ids=[" ".join(each)[:60] for each, _ in COMMANDS])
def test_a_command_that_cannot_be_meant(root, capsys, arguments, words):
    pretraining = graph.pretraining(params.load(), "quick")
    refused(root, capsys, [word.replace("{pretraining}", pretraining) for word in arguments], words)


@pytest.mark.parametrize(("command", "change", "words"), FILES, ids=[f"{each[0]}: {each[2]}" for each in FILES])
def test_a_file_that_is_not_what_it_should_be(copy, capsys, command, change, words):
    change(copy)
    refused(copy, capsys, shlex.split(command), words)


def test_the_table_is_whole():
    assert len(VALUES) + len(COMMANDS) + len(FILES) >= 300
    assert any(isinstance(value, float) and math.isinf(value) for _, value, _ in VALUES)
