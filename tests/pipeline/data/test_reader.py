"""The reader of prepared data: the same indexing for arrays and files, and a sentence for what is broken."""

import json

import numpy as np
import pytest

from pipeline.config.data import FrameData, ImageData, SyntheticData
from pipeline.data import prepare as stage
from pipeline.data.prepare import prepare
from pipeline.data.reader import Prepared
from pipeline.utils.errors import BadInput
from tests.published import write_camvid, write_folders


def prepared(name, spec, folder):
    (folder / "manifest.json").write_text(json.dumps({"result": prepare(name, spec, folder)}))
    return Prepared(folder)


@pytest.fixture
def folder(tmp_path):
    spec = FrameData(kind="camvid", directory=str(write_camvid(tmp_path / "CamVid")))
    prepared("camvid", spec, tmp_path / "camvid")
    return tmp_path / "camvid"


def test_a_set_is_mapped_not_loaded(folder):
    data = Prepared(folder)
    assert (data.task, len(data.classes), data.classes[3].name, data.classes[3].colour) == (
        "segmentation", 11, "Road", (128, 64, 128),
    )  # fmt: skip
    assert isinstance(data.images("train"), np.memmap) and isinstance(data.labels("train"), np.memmap)
    assert data.images("train").shape == (3, 12, 16, 3) and data.labels("train").shape == (3, 12, 16)
    assert data.names("test") == ["test_0", "test_1"] and data.instances("test") is None
    with pytest.raises(ValueError, match="read-only"):
        data.images("train")[0] = 0


def test_instances_are_read_where_there_are_some(tmp_path):
    spec = SyntheticData(kind="synthetic", seed=0, size=(64, 64), frames={"train": 1})
    instances = prepared("synthetic", spec, tmp_path).instances("train")
    assert instances.shape == (1, 64, 64) and instances.dtype == np.uint16 and instances.max() > 0


def test_files_are_indexed_like_the_array_they_stand_for(tmp_path, monkeypatch):
    spec = ImageData(kind="images", directory=str(write_folders(tmp_path / "set")), size=32)
    arrays = prepared("mine", spec, tmp_path / "arrays")
    monkeypatch.setattr(stage, "LARGEST", 1000)
    files = prepared("mine", spec, tmp_path / "files")
    expected, got = arrays.images("train"), files.images("train")
    assert len(got) == len(expected) and got.shape == expected.shape
    for index in (0, -1, slice(1, None), np.array([2, 0]), [1, 1]):
        assert np.array_equal(got[index], expected[index])
    assert np.array_equal(files.labels("train"), arrays.labels("train"))
    with pytest.raises(IndexError):
        got[3]


def test_a_file_that_vanished_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(stage, "LARGEST", 1000)
    root = write_folders(tmp_path / "set")
    data = prepared("mine", ImageData(kind="images", directory=str(root), size=32), tmp_path / "files")
    (root / "train/cat/a.JPEG").unlink()
    with pytest.raises(BadInput, match=r"train/cat/a.JPEG is missing; .* prepare the set again"):
        data.images("train")[0]


def test_a_split_that_is_not_there_names_those_that_are(folder):
    with pytest.raises(BadInput, match=r"camvid has no split minival, only train, val, test"):
        Prepared(folder).images("minival")


def test_a_missing_manifest_says_what_to_run(tmp_path):
    with pytest.raises(BadInput, match=r"manifest.json is missing; run `python -m pipeline prepare camvid --force`"):
        Prepared(tmp_path / "camvid")


@pytest.mark.parametrize("content", ["", '{"result": {"task"', "[]", '{"result": {}}'])
def test_a_broken_manifest_says_what_to_run(folder, content):
    (folder / "manifest.json").write_text(content)
    with pytest.raises(
        BadInput, match=r"manifest.json is truncated or not a manifest .*; run `python -m pipeline prepare camv"
    ):
        Prepared(folder)


def test_a_missing_or_broken_array_is_named(folder):
    path = folder / "train.labels.npy"
    content = path.read_bytes()
    for broken in (content[:300], content[:20], b"", b"no array at all"):
        path.write_bytes(broken)
        with pytest.raises(
            BadInput, match=r"train.labels.npy is truncated or not an array \(.*run `python -m pipeline prepare"
        ):
            Prepared(folder).labels("train")
    path.unlink()
    with pytest.raises(BadInput, match=r"train.labels.npy is missing; run `python -m pipeline prepare camvid --force`"):
        Prepared(folder).labels("train")


def test_an_array_of_another_preparation_is_named(folder):
    np.save(folder / "train.labels.npy", np.zeros((7, 12, 16), np.uint8))
    with pytest.raises(BadInput, match=r"has shape \(7, 12, 16\), but its manifest says \(3, 12, 16\)"):
        Prepared(folder).labels("train")
