"""Prepared arrays that are missing, resized or overwritten are prepared again, and are not read to see that."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from pipeline.config import params
from pipeline.graph import graph, provenance
from pipeline.graph.stale import stale
from pipeline.utils import digests

IMAGES, LABELS = Path("data/prepared/synthetic/train.images.npy"), Path("data/prepared/synthetic/train.labels.npy")


@pytest.fixture
def job(workspace) -> graph.Job:
    workspace.main("prepare", "synthetic")
    return graph.job(params.load(), "prepare", {"data": "synthetic"})


@pytest.fixture
def read(monkeypatch) -> list[Path]:
    """The arrays that are read in full."""
    paths: list[Path] = []
    digest = digests._digest
    note = lambda path: paths.append(path) if path.suffix == ".npy" else None  # noqa: E731
    monkeypatch.setattr(digests, "_digest", lambda path: note(path) or digest(path))
    return paths


def test_arrays_as_they_were_written_are_current_without_being_read(job, read):
    assert provenance.reasons(job) == [] and read == []


def test_a_missing_or_changed_array_is_prepared_again_and_so_is_what_follows(job, workspace):
    written = IMAGES.read_bytes()
    IMAGES.write_bytes(written[:-1] + bytes([written[-1] ^ 1]))
    LABELS.unlink()
    wrong = [f"{IMAGES} is not what its manifest says", f"{LABELS} is missing"]
    assert sorted(provenance.reasons(job)) == wrong
    found = stale(params.load())
    assert found["prepare synthetic"] and "data/prepared/synthetic/manifest.json is rebuilt" in next(
        reasons for name, reasons in found.items() if name.startswith("train ")
    )
    shown = workspace.main("plan").stdout
    assert "is not what its manifest says" in shown
    workspace.main("prepare", "synthetic")
    assert provenance.reasons(job) == [] and IMAGES.read_bytes() == written


def test_a_resized_array_is_noticed(job):
    np.save(IMAGES, np.load(IMAGES)[:-1])
    assert provenance.reasons(job) == [f"{IMAGES} is not what its manifest says"]


def test_a_copy_is_read_once(job, read):
    shutil.copy(IMAGES, "copy")
    os.replace("copy", IMAGES)
    assert provenance.reasons(job) == [] and read == [IMAGES]
    assert provenance.reasons(job) == [] and read == [IMAGES]


def test_a_byte_that_flipped_unseen_is_found_by_verify(job, workspace):
    """As a disk does it: neither size nor time change."""
    before = IMAGES.stat()
    content = bytearray(IMAGES.read_bytes())
    content[-1] ^= 1
    with IMAGES.open("r+b") as file:
        file.write(content)
    os.utime(IMAGES, ns=(before.st_atime_ns, before.st_mtime_ns))
    done = workspace.main("verify", check=False)
    assert done.returncode == 1 and f"{IMAGES} is not what its manifest says" in done.stdout
