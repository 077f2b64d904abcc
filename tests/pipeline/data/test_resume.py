"""Preparation by several processes and after an interruption: the same bytes, report and first error."""

import contextlib
import multiprocessing
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from pipeline.config.data import CropData, FrameData, ImageData, SyntheticData
from pipeline.data import prepare as stage
from pipeline.data.classified import Classified
from pipeline.data.prepare import prepare
from pipeline.data.sets.synthetic import Synthetic
from pipeline.utils.errors import BadInput, Interrupted
from tests.published import save, write_camvid, write_folders, write_tiny_imagenet, zip_folder

SCENES = SyntheticData(kind="synthetic", seed=3, size=(64, 64), frames={"train": 14, "test": 6})
READS = 21
"""Scenes that are drawn in all: the first one twice, because it says how large the others are."""


class Reads:
    """What the processes read: a line with the process and the frame."""

    def __init__(self, path: Path):
        self.path = path

    def add(self, name: str) -> None:
        with self.path.open("a") as file:
            file.write(f"{os.getpid()} {name}\n")

    @property
    def lines(self) -> list[list[str]]:
        return [line.split() for line in self.path.read_text().splitlines()] if self.path.exists() else []

    @property
    def processes(self) -> set[int]:
        return {int(process) for process, _ in self.lines}


@pytest.fixture
def reads(tmp_path, monkeypatch):
    """Count what is read, and start processes for small sets too."""
    found, read = Reads(tmp_path / "reads"), Synthetic.read

    def counted(self, split, name):
        found.add(name)
        return read(self, split, name)

    monkeypatch.setattr(Synthetic, "read", counted)
    monkeypatch.setattr(stage, "WORTH_A_PROCESS", 1)
    monkeypatch.setattr(Classified, "at_once", 2)
    return found


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """What one process gives, and where."""
    folder = tmp_path_factory.mktemp("undisturbed")
    return prepare("synthetic", SCENES, folder, processes=1), folder


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def partial(folder):
    return folder.with_name(f".{folder.name}.partial")


@contextlib.contextmanager
def after(reads, monkeypatch, count, do):
    """Call `do` when so many frames were read, in whichever process reads the next one; once."""
    read, path = Synthetic.read, reads.path.with_name("done")

    def disturbed(self, split, name):
        if len(reads.lines) >= count:
            with contextlib.suppress(FileExistsError):
                path.touch(exist_ok=False)
                do()
        return read(self, split, name)

    with monkeypatch.context() as patched:
        patched.setattr(Synthetic, "read", disturbed)
        yield


def interrupt():
    raise KeyboardInterrupt


def kill():
    os.kill(os.getpid(), signal.SIGKILL)


def sets(root):
    yield "synthetic", SCENES
    yield "camvid", FrameData(kind="camvid", directory=str(write_camvid(root / "camvid")))
    yield "crops", CropData(kind="crops", seed=1, size=32, images={"train": 20, "val": 7})
    yield "folder", ImageData(kind="images", directory=str(write_folders(root / "folder")), size=40)
    archive = zip_folder(write_tiny_imagenet(root / "tiny"), root / "tiny.zip")
    yield "zip", ImageData(kind="images", directory=str(archive), size=64)


def test_any_number_of_processes_writes_the_same_bytes_and_the_same_report(tmp_path, reads):
    for name, spec in sets(tmp_path / "published"):
        one, three = tmp_path / "one" / name, tmp_path / "three" / name
        assert prepare(name, spec, one, processes=1) == prepare(name, spec, three, processes=3)
        assert content(one) == content(three) and len(content(one)) > 2
    drawn = [name for _, name in reads.lines]
    assert sorted(drawn) == sorted([*2 * [name for name in set(drawn)], "train_00000", "train_00000"])
    assert len(reads.processes) > 2, "this one and others"


def test_a_killed_preparation_continues_and_ends_with_the_same_bytes(tmp_path, reads, monkeypatch, undisturbed):
    expected, folder = undisturbed
    out = tmp_path / "out"
    journal = partial(out) / "rows.jsonl"
    with after(reads, monkeypatch, 16, lambda: time.sleep(60)):  # one process hangs, the others go on
        preparing = multiprocessing.get_context("fork").Process(target=prepare, args=("synthetic", SCENES, out, "", 3))
        preparing.start()
        _until(lambda: len(reads.lines) >= READS - 1 and len(journal.read_bytes().splitlines()) > 12)
        preparing.kill()
        preparing.join()
    _until(lambda: not any(map(_lives, reads.processes - {os.getpid()})))
    assert not out.exists() and partial(out).exists()
    before = len(reads.lines)
    assert prepare("synthetic", SCENES, out, processes=2) == expected
    assert content(out) == content(folder) and not partial(out).exists()
    assert len(reads.lines) - before <= READS - 12, "frames in order are kept up to the one that was not finished"


def _until(reached, seconds=20):
    """Wait for something that happens in another process."""
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def _lives(process):
    with contextlib.suppress(FileNotFoundError):
        return " Z " not in Path(f"/proc/{process}/stat").read_text()
    return False


@pytest.fixture
def interrupted(tmp_path, reads, monkeypatch, undisturbed):
    """A preparation in which Ctrl-C came at the 11th frame, and what an undisturbed one gives."""
    out = tmp_path / "out"
    with after(reads, monkeypatch, 11, interrupt), pytest.raises(KeyboardInterrupt):
        prepare("synthetic", SCENES, out, processes=1)
    reads.path.unlink()
    return out, undisturbed[0]


def test_ctrl_c_keeps_every_frame_that_was_written(interrupted, reads, capsys):
    out, expected = interrupted
    assert prepare("synthetic", SCENES, out, processes=1) == expected
    assert len(reads.lines) == READS - 10
    assert "synthetic: 10 of 20 frames are kept from an interrupted call" in capsys.readouterr().err


def test_frames_that_are_not_on_the_disk_as_they_were_written_are_read_again(interrupted, reads):
    out, expected = interrupted
    path = partial(out) / "train.labels.npy"
    held = bytearray(path.read_bytes())
    held[-5 - 64 * 64 * 4] ^= 1  # of the last frame but four, the sixth
    path.write_bytes(held)
    assert prepare("synthetic", SCENES, out, processes=2) == expected
    assert len(reads.lines) == READS - 5


def test_a_journal_that_is_cut_short_costs_the_frame_of_its_last_line(interrupted, reads):
    out, expected = interrupted
    path = partial(out) / "rows.jsonl"
    path.write_bytes(path.read_bytes()[:-10])
    assert prepare("synthetic", SCENES, out, processes=1) == expected
    assert len(reads.lines) == READS - 9


@pytest.mark.parametrize(("changed", "made_of"), [({"seed": 4}, ""), ({}, "other code")])
def test_other_parameters_or_other_code_start_again(interrupted, reads, changed, made_of):
    out, expected = interrupted
    found = prepare("synthetic", SCENES.model_copy(update=changed), out, made_of, processes=1)
    assert len(reads.lines) == READS and (found == expected) == (not changed)


def test_a_changed_published_file_starts_again(tmp_path, monkeypatch):
    root, out = write_camvid(tmp_path / "CamVid"), tmp_path / "out"
    spec = FrameData(kind="camvid", directory=str(root))
    before, write = prepare("camvid", spec, tmp_path / "before"), stage.ArrayFiles.write

    def last(self, row, arrays):
        digests = write(self, row, arrays)
        return digests if row < 2 else interrupt()

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(stage.ArrayFiles, "write", last)
        prepare("camvid", spec, out, processes=1)
    save(root / "train/train_0.png", np.zeros((12, 16, 3), np.uint8))
    changed = prepare("camvid", spec, out)
    assert np.load(out / "train.images.npy")[0].max() == 0
    assert changed["splits"]["train"]["sha256"] != before["splits"]["train"]["sha256"]
    assert changed == prepare("camvid", spec, tmp_path / "after")


@pytest.mark.parametrize("processes", [1, 3])
def test_the_first_error_is_that_of_the_first_frame_whoever_fails_first(tmp_path, reads, monkeypatch, processes):
    read, out = Synthetic.read, tmp_path / "out"

    def failing(self, split, name):
        if name == "train_00007":
            time.sleep(0.3)  # the later one fails before it
        if name in ("train_00007", "train_00009"):
            raise BadInput(f"{name} cannot be read; remove it")
        return read(self, split, name)

    monkeypatch.setattr(Synthetic, "read", failing)
    with pytest.raises(BadInput, match=r"^train_00007 cannot be read; remove it$"):
        prepare("synthetic", SCENES, out, processes=processes)
    assert not out.exists() and not partial(out).exists()


def test_a_killed_process_ends_the_call_in_a_sentence_and_the_next_continues(tmp_path, reads, monkeypatch, undisturbed):
    out = tmp_path / "out"
    with after(reads, monkeypatch, 15, kill), pytest.raises(Interrupted, match="killed, .* the same command continues"):
        prepare("synthetic", SCENES, out, processes=2)
    assert not out.exists()
    before = len(reads.lines)
    assert prepare("synthetic", SCENES, out, processes=2) == undisturbed[0]
    assert len(reads.lines) - before < READS - 5
