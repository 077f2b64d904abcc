"""What is remembered of files from one process to the next, and what is not."""

import json
import os
from pathlib import Path

import pytest

from pipeline.utils import remembered

ASKED: list[str] = []


def ask(path: Path) -> str:
    ASKED.append(path.name)
    return path.read_text()


@pytest.fixture
def file(tmp_path, monkeypatch) -> Path:
    """A file that is older than what shows in its times, in a repository of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(remembered, "SETTLED", -1)
    monkeypatch.setattr(remembered, "_stores", {})
    Path("work").mkdir()
    ASKED.clear()
    path = tmp_path / "file"
    path.write_text("old")
    return path


def next_process() -> None:
    remembered.save()
    remembered._stores.clear()


def said(path: Path, times: int) -> str:
    """The answer; the file must have been read so many times since the last call."""
    answer = remembered.of("text", path, ask)
    assert len(ASKED) == times
    ASKED.clear()
    return answer


def test_a_file_that_stays_is_read_once_by_all_processes(file):
    assert said(file, 1) == said(file, 0) == "old"
    next_process()
    assert said(Path("file"), 0) == "old", "by a relative path too"


def test_a_file_that_changed_is_read_again_also_at_its_old_size_and_time(file):
    said(file, 1)
    next_process()
    before = file.stat()
    file.write_text("new")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert said(file, 1) == "new"
    next_process()
    other = file.with_name("other")
    other.write_text("two")
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(file)
    assert said(file, 1) == "two"


def test_a_file_that_changed_a_moment_ago_is_remembered_by_its_own_process_alone(file, monkeypatch):
    monkeypatch.setattr(remembered, "SETTLED", 10**12)
    assert said(file, 1) == said(file, 0)
    next_process()
    assert said(file, 1) == "old", "a second change might show in none of its times"


def test_on_demand_and_by_other_code_files_are_read_again(file, monkeypatch):
    said(file, 1)
    next_process()
    remembered.forget()
    assert said(file, 1) == "old"
    next_process()
    monkeypatch.setattr(remembered, "_by", lambda: "other code")
    said(file, 1)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"by": 3}', '{"by": "x", "found": {"text file": 3}}'])
def test_a_damaged_store_costs_only_time(file, monkeypatch, content):
    monkeypatch.setattr(remembered, "_by", lambda: "x")
    remembered.FILE.write_text(content)
    said(file, 1)
    next_process()
    assert said(file, 0) == "old"


def test_what_is_remembered_of_deleted_files_is_dropped_and_nothing_is_written_without_a_folder(file):
    said(file, 1)
    next_process()
    file.rename("moved")
    said(Path("moved"), 1)
    next_process()
    assert [key.rpartition("/")[2] for key in json.loads(remembered.FILE.read_text())["found"]] == ["moved"]
    remembered.FILE.unlink()
    Path("work").rmdir()
    Path("moved").write_text("new")
    said(Path("moved"), 1)
    next_process()
    assert not Path("work").exists()
