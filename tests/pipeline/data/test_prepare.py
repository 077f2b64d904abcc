"""Preparation: what it writes, and the sentence for each thing that can be wrong with the published files."""

import errno
import hashlib
import shutil
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.config.data import CropData, FrameData, ImageData, SyntheticData
from pipeline.data import arrays
from pipeline.data import prepare as stage
from pipeline.data.prepare import prepare
from pipeline.data.registry import classes
from pipeline.data.sets.synthetic import Synthetic
from pipeline.utils.errors import BadInput
from tests.published import (
    COLUMNS,
    ROWS,
    png,
    save,
    write_camvid,
    write_cityscapes,
    write_folders,
    write_tiny_imagenet,
    zip_folder,
)

SYNTHETIC = SyntheticData(kind="synthetic", seed=3, size=(64, 96), frames={"train": 2, "val": 0, "test": 1})


@pytest.fixture
def root(tmp_path):
    return write_camvid(tmp_path / "CamVid")


@pytest.fixture
def out(tmp_path):
    return tmp_path / "prepared" / "camvid"


def camvid(root):
    return FrameData(kind="camvid", directory=str(root))


def refused(root, out, sentence):
    """The sentence is said, and nothing of the attempt stays."""
    with pytest.raises(BadInput, match=sentence):
        prepare("camvid", camvid(root), out)
    assert not out.exists() and not list(out.parent.glob(".*"))


def test_arrays_hold_what_the_files_hold(root, out):
    result = prepare("camvid", camvid(root), out)
    assert result["task"] == "segmentation" and list(result["splits"]) == ["train", "val", "test"]
    entry = result["splits"]["test"]
    assert (entry["count"], entry["size"], entry["names"]) == (2, [ROWS, COLUMNS], ["test_0", "test_1"])
    images, labels = np.load(out / "test.images.npy"), np.load(out / "test.labels.npy")
    for number in range(2):
        assert np.array_equal(images[number], np.asarray(Image.open(root / f"test/test_{number}.png")))
        published = np.asarray(Image.open(root / f"testannot/test_{number}.png"))
        assert np.array_equal(labels[number], np.where(published == 11, 255, published))
    assert not entry["instances"] and not (out / "test.instances.npy").exists()


def test_the_manifest_counts_each_class_and_void(root, out):
    entry = prepare("camvid", camvid(root), out)["splits"]["train"]
    assert entry["class_pixels"] == [3 * 16] * 11
    assert entry["ignored_pixels"] == 3 * 16


def test_the_manifest_has_the_checksums_of_the_arrays(root, out):
    for entry in prepare("camvid", camvid(root), out)["splits"].values():
        for file, digest in entry["sha256"].items():
            assert hashlib.sha256((out / file).read_bytes()).hexdigest() == digest


def test_two_preparations_write_the_same_bytes_and_leave_nothing_of_an_older_one(root, out, tmp_path):
    first = prepare("camvid", camvid(root), out)
    again = tmp_path / "again"
    again.mkdir()
    for stale in ("train.instances.npy", "manifest.json", "train.files.json"):
        (again / stale).write_text("of an older set")
    assert prepare("camvid", camvid(root), again) == first
    assert {path.name: path.read_bytes() for path in again.iterdir()} == {
        path.name: path.read_bytes() for path in out.iterdir()
    }


def test_what_a_killed_preparation_left_is_cleared_away(root, out):
    left = out.parent / ".camvid.partial"
    left.mkdir(parents=True)
    (left / "train.images.npy").write_text("half of it")
    prepare("camvid", camvid(root), out)
    assert not left.exists() and np.load(out / "train.images.npy").shape[0] == 3


def test_a_folder_that_is_a_link_to_another_disk_stays_one(root, out, tmp_path):
    elsewhere = tmp_path / "large"
    elsewhere.mkdir()
    out.parent.mkdir()
    out.symlink_to(elsewhere)
    prepare("camvid", camvid(root), out)
    assert out.is_symlink() and (elsewhere / "train.images.npy").exists()
    assert [path.name for path in out.parent.iterdir()] == ["camvid"]


def test_the_report_says_what_a_reader_wants_to_check(root, out):
    prepare("camvid", camvid(root), out)
    text = (out / "report.md").read_text()
    assert "| train | 3 | 16x12 | 8.33 | no |" in text
    assert "| 10 | Bicyclist | 9.09 | 9.09 | 9.09 |" in text
    assert "0 of the 1402 published files are identical byte for byte" in text
    assert hashlib.sha256((out / "val.labels.npy").read_bytes()).hexdigest() in text
    assert str(root) not in text


def test_the_environment_names_the_directory(root, out, monkeypatch):
    monkeypatch.setenv("CAMVID_DIR", str(root))
    assert prepare("camvid", camvid("nowhere"), out)["splits"]["train"]["count"] == 3


def test_one_line_says_what_is_coming(root, out, capsys):
    prepare("camvid", camvid(root), out)
    assert capsys.readouterr().err.startswith(f"camvid: writing 6 frames (0.0 MB) to {out}, ")


def test_synthetic_scenes_come_with_instances_and_without_empty_splits(out):
    result = prepare("synthetic", SYNTHETIC, out)
    assert list(result["splits"]) == ["train", "test"]
    scene = Synthetic(3, 64, 96, {"test": 1}).read("test", "test_00000")
    for kind, expected in (("images", scene.image), ("labels", scene.label), ("instances", scene.instances)):
        array = np.load(out / f"test.{kind}.npy")
        assert np.array_equal(array[0], expected) and array.dtype == expected.dtype


def test_a_synthetic_set_without_frames_is_refused(out):
    spec = SyntheticData(kind="synthetic", seed=3, size=(64, 96), frames={"train": 0})
    with pytest.raises(BadInput, match=r"no frames in any split \({'train': 0}\); give its frames a count"):
        prepare("synthetic", spec, out)


def test_cityscapes_is_prepared_without_its_unpublished_test_labels(tmp_path, out):
    for split, seed in (("train", 4), ("val", 5)):
        write_cityscapes(tmp_path / "published", split, 2, seed, 64, 128)
    result = prepare("cityscapes", FrameData(kind="cityscapes", directory=str(tmp_path / "published")), out)
    assert list(result["splits"]) == ["train", "val"] and result["splits"]["val"]["instances"]
    assert np.load(out / "val.instances.npy").dtype == np.uint16


def test_crops_are_a_classification_set(out):
    result = prepare("crops", CropData(kind="crops", seed=1, size=32, images={"train": 38, "val": 19}), out)
    assert result["task"] == "classification" and result["splits"]["train"]["class_images"] == [2] * 19
    assert np.load(out / "train.images.npy").shape == (38, 32, 32, 3)
    assert np.load(out / "val.labels.npy").tolist() == list(np.roll(range(19), -(10_000_000 % 19)))


def test_an_image_in_both_splits_of_a_classification_set_is_reported(tmp_path, out):
    folder = write_folders(tmp_path / "set")
    shutil.copy(folder / "train/cat/a.JPEG", folder / "val/cat/twin.jpg")
    prepare("mine", ImageData(kind="images", directory=str(folder), size=40), out)
    text = (out / "report.md").read_text()
    assert "same pixels as an image in train: 1." in text
    assert "val/cat/twin.jpg is identical to train/train/cat/a.JPEG" in text


def test_a_missing_directory_says_how_to_get_the_set(tmp_path, out):
    missing = tmp_path / "missing"
    sentence = r"missing, which data.camvid.directory in params.yaml or CAMVID_DIR names, is missing; `python -m pipel"
    refused(missing, out, sentence)
    missing.mkdir()
    refused(missing, out, r"CAMVID_DIR names, is empty; `python -m pipeline fetch camvid` downloads it, or set")


@pytest.mark.parametrize(("name", "kind"), [("cityscapes", "cityscapes"), ("tiny-imagenet", "images")])
def test_each_set_says_how_to_get_it(name, kind, tmp_path, out):
    given = {"kind": kind, "directory": str(tmp_path / "missing")}
    spec = ImageData(**given, size=64) if kind == "images" else FrameData(**given)
    variable = name.upper().replace("-", "_")
    with pytest.raises(
        BadInput, match=rf"data.{name}.directory in params.yaml or {variable}_DIR names, is missing; .*\.(com|edu)"
    ):
        prepare(name, spec, out)


def test_a_corrupt_image_is_named(root, out):
    (root / "train/train_1.png").write_bytes((root / "train/train_1.png").read_bytes()[:200])
    refused(root, out, r"train/train_1.png cannot be read as an image \(.*\); download it again")


def test_a_label_outside_the_class_set_is_named(root, out):
    save(root / "valannot/val_0.png", np.full((ROWS, COLUMNS), 30, np.uint8))
    refused(root, out, r"valannot/val_0.png \(frame val/val_0\) has the label 30 in 192 pixels, .* 11 classes")


def test_an_image_without_its_label_is_named(root, out):
    (root / "testannot/test_1.png").unlink()
    refused(root, out, r"the image .*test_1.png has no label .*testannot/test_1.png")


def test_a_frame_of_another_size_is_named(root, out):
    save(root / "test/test_1.png", np.zeros((ROWS, COLUMNS + 4, 3), np.uint8))
    save(root / "testannot/test_1.png", np.zeros((ROWS, COLUMNS + 4), np.uint8))
    refused(root, out, r"the frame test/test_1 is 20x12 pixels, but the first frame is 16x12; .* the same size")


def test_a_frame_whose_name_is_in_two_splits_is_named(root, out):
    for folder in ("train", "trainannot"):
        shutil.copy(root / folder / "train_0.png", root / folder.replace("train", "test") / "train_0.png")
    refused(root, out, r"the frame train_0 is in the splits train and test; remove it from one of them")


def test_a_frame_whose_pixels_are_in_two_splits_is_named(root, out):
    image = np.asarray(Image.open(root / "train/train_2.png"))
    (root / "test/test_1.png").write_bytes(png(image) + b"other bytes, same pixels")
    refused(root, out, r"the frame test/test_1 has the same pixels as train/train_2; remove it from one of them")


def test_frames_with_and_without_instances_are_not_mixed(tmp_path, out):
    for split, seed in (("train", 4), ("val", 5)):
        write_cityscapes(tmp_path, split, 2, seed, 64, 128)
    next(tmp_path.glob("gtFine/val/*/*000001_gtFine_instanceIds.png")).unlink()
    with pytest.raises(BadInput, match="the frame val/synthetic_000005_000001 lacks instances, unlike the first"):
        prepare("cityscapes", FrameData(kind="cityscapes", directory=str(tmp_path)), out)


Usage = namedtuple("Usage", "total used free")


def disk_with(monkeypatch, free):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**12, 10**12 - free, free))


def test_too_small_a_disk_is_said_before_anything_is_written(root, out, monkeypatch):
    disk_with(monkeypatch, 5_000_000)
    refused(root, out, r"camvid needs 10.0 MB, but its disk has 5.0 MB free; free some space, or .* larger disk")


def test_a_disk_that_fills_up_ends_in_a_sentence_and_keeps_what_was_there(root, out, monkeypatch):
    prepare("camvid", camvid(root), out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(arrays.ArrayFiles, "write", full)
    with pytest.raises(BadInput, match=r"the disk was full while .*camvid was being written; free some space"):
        prepare("camvid", camvid(root), out)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert [path.name for path in out.parent.iterdir()] == ["camvid"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_really_full_disk_is_recognised(root, out, monkeypatch):
    really = arrays.Path.open

    def full(path, mode="r", *others, **named):
        return open("/dev/full", "wb") if "w" in mode else really(path, mode, *others, **named)

    monkeypatch.setattr(arrays.Path, "open", full)
    refused(root, out, r"the disk was full while .*camvid was being written")


def test_a_set_too_large_for_arrays_stays_files_with_the_same_pixels(tmp_path, out, monkeypatch):
    spec = ImageData(kind="images", directory=str(write_folders(tmp_path / "set")), size=40)
    as_arrays = prepare("mine", spec, tmp_path / "arrays")
    monkeypatch.setattr(stage, "LARGEST", 1000)
    as_files = prepare("mine", spec, out)
    assert as_files["splits"]["train"]["class_images"] == as_arrays["splits"]["train"]["class_images"] == [2, 1]
    assert sorted(path.name for path in out.iterdir()) == [
        "report.md", "train.files.json", "train.labels.npy", "val.files.json", "val.labels.npy"
    ]  # fmt: skip


def test_a_zip_too_large_for_arrays_is_to_be_unpacked(tmp_path, out, monkeypatch):
    archive = zip_folder(write_tiny_imagenet(tmp_path / "set"), tmp_path / "set.zip")
    disk_with(monkeypatch, 100_000)
    with pytest.raises(
        BadInput, match=r"set.zip needs 0.1 MB as arrays, .*; unpack the zip and use the folder instead"
    ):
        prepare("tiny-imagenet", ImageData(kind="images", directory=str(archive), size=64), out)


def test_classes_of_a_kind_need_no_data():
    assert [len(classes(kind)) for kind in ("camvid", "cityscapes", "synthetic")] == [11, 19, 19]
    with pytest.raises(BadInput, match='a set of kind "images", which has no labelled frames; name a set of frames'):
        classes("images")
