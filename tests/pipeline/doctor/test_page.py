"""What `doctor` says of this machine, and that one part that fails neither stops nor hides the others."""

import re

import pytest

from pipeline.config import params
from pipeline.data import prepare
from pipeline.doctor import facts, packages, trials
from pipeline.timing import modes


@pytest.fixture
def tried(workspace, monkeypatch, cpu_alone):
    """The page with the real parts of a run, on the smallest network and image."""
    monkeypatch.setattr(trials, "VARIANT", "single")
    workspace.edit(lambda content: content["latency"].update(cpu_pixels=4096))
    return workspace


def test_a_part_that_fails_is_told_with_its_error_and_the_next_is_tried(tried, monkeypatch):
    def refuse(model, image):
        raise RuntimeError("CUDA error: no kernel image is available\nmore lines")

    monkeypatch.setattr(modes, "CPU_MODES", (modes.Mode("broken", form=refuse), *modes.CPU_MODES))
    said = tried.main("doctor", check=False)
    assert said.returncode == 1 and "a stage cannot run on this machine" in said.stderr
    assert re.search(
        r"one pass, broken .* s  FAILED  RuntimeError: CUDA error: no kernel image is available\n", said.stdout
    )
    assert re.search(r"one pass, eager float32 .* s  ok  single at 64x64, [\d.]+ ms\n", said.stdout)
    assert "more lines" not in said.stdout and "not everything works" in said.stdout


def test_what_cannot_be_prepared_fails_and_so_does_what_needs_it(tried, monkeypatch):
    def full(*arguments):
        raise OSError("no space left")

    monkeypatch.setattr(prepare, "prepare", full)
    said = tried.main("doctor", check=False)
    failed = [line.split("  ")[0] for line in said.stdout.splitlines() if " s  FAILED" in line]
    assert failed == ["prepare 3 drawn frames", "one training step", "one evaluation"] and said.returncode == 1


def test_without_a_package_that_training_needs_nothing_is_tried(tried, monkeypatch):
    monkeypatch.setattr(packages, "missing", lambda stage: ["scipy"] if stage == "evaluate" else [])
    said = tried.main("doctor", check=False)
    assert re.search(r"evaluate +FAILED  needs scipy\n", said.stdout) and " s  " not in said.stdout
    assert said.returncode == 1


def test_the_machine_and_its_data_are_described(tried):
    tried.main("prepare", "synthetic")
    found = dict(facts.data(params.load()))
    assert found["synthetic"] == "prepared: 8 train, 4 test" and found["crops"] == "is drawn, needs no files"
    assert found["cityscapes"] == "not found in data/raw/cityscapes (CITYSCAPES_DIR names another place)"
    described = dict(facts.machine())
    assert re.fullmatch(r"[\d.]+ GB, [\d.]+ GB free", described["memory"])
    assert "results, work and data can be written" in described["disk"]
