"""The CamVid reader, and the download that a second start continues, from a server on this machine."""

import functools
import hashlib
import re
import shutil
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from PIL import Image

from pipeline.config.data import FrameData
from pipeline.data.registry import fetch
from pipeline.data.sets import camvid
from pipeline.data.sets.camvid import CLASSES, CamVid
from pipeline.utils.errors import BadInput
from tests.published import COLUMNS, ROWS, save, write_camvid


@pytest.fixture
def root(tmp_path):
    return write_camvid(tmp_path / "CamVid")


def test_the_classes_are_segnets():
    names = "Sky Building Pole Road Pavement Tree SignSymbol Fence Car Pedestrian Bicyclist"
    assert " ".join(each.name for each in CLASSES) == names
    assert CLASSES[4] == ("Pavement", (60, 40, 222)) and CLASSES[10] == ("Bicyclist", (0, 128, 192))


def test_void_is_ignored_and_classes_are_kept(root):
    sample = CamVid(root).read("train", "train_0")
    published = np.asarray(Image.open(root / "trainannot/train_0.png"))
    assert np.array_equal(sample.image, np.asarray(Image.open(root / "train/train_0.png")))
    assert set(np.unique(sample.label[published == 11])) == {255}
    assert np.array_equal(sample.label[published < 11], published[published < 11])
    assert sample.instances is None and sample.label.dtype == np.uint8


def test_frames_may_be_jpeg(tmp_path):
    source = CamVid(write_camvid(tmp_path, ending=".jpg"))
    assert source.names("test") == ["test_0", "test_1"]
    assert source.read("test", "test_1").image.shape == (ROWS, COLUMNS, 3)


def test_the_split_file_decides_which_frames_are_in_the_split(root):
    line = "/SegNet/CamVid/train/{0}.png /SegNet/CamVid/trainannot/{0}.png\n"
    (root / "train.txt").write_text(line.format("train_2") + line.format("train_0") + "\n")
    assert CamVid(root).names("train") == ["train_0", "train_2"]


@pytest.mark.parametrize(
    ("array", "sentence"),
    [
        (np.zeros((ROWS, COLUMNS - 1), np.uint8), r"train_0.png is 15x12 pixels, but its image is 16x12"),
        (np.zeros((ROWS, COLUMNS, 3), np.uint8), r"train_0.png has 3 channels, but a label has one"),
    ],
)
def test_a_wrong_label_is_named(root, array, sentence):
    save(root / "trainannot/train_0.png", array)
    with pytest.raises(BadInput, match=sentence):
        CamVid(root).read("train", "train_0")


def test_an_image_without_its_label_is_named(root):
    (root / "trainannot/train_0.png").unlink()
    with pytest.raises(
        BadInput, match=r"the image .*train_0.png has no label .*trainannot/train_0.png; .*fetch camvid"
    ):
        CamVid(root).read("train", "train_0")


def test_a_split_without_frames_says_where_to_get_them(root):
    shutil.rmtree(root / "val")
    with pytest.raises(BadInput, match=r"has no frames in val/; `python -m pipeline fetch camvid`.*CAMVID_DIR"):
        CamVid(root).names("val")


@pytest.fixture
def server(root, tmp_path, monkeypatch):
    """Serve the set as published, with its checksums; yield the address and what was asked for."""
    asked = []

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            asked.append(self.path)

    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  CamVid/{path.relative_to(root).as_posix()}\n"
        for path in sorted(root.rglob("*.png"))
    ]
    (tmp_path / "sums").write_text("".join(lines))
    monkeypatch.setattr(camvid, "CHECKSUMS", tmp_path / "sums")
    serving = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(root)))
    threading.Thread(target=serving.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{serving.server_port}", asked
    serving.shutdown()
    serving.server_close()


def test_a_second_start_fetches_only_what_is_missing_or_damaged(root, tmp_path, server):
    address, asked = server
    copy = tmp_path / "copy"
    assert camvid.fetch(copy, address) == len(asked) == 12
    assert CamVid(copy).names("train") == CamVid(root).names("train")
    (copy / "test/test_1.png").unlink()
    (copy / "valannot/val_0.png").write_bytes(b"cut sh")
    asked.clear()
    assert camvid.fetch(copy, address) == 2
    assert sorted(asked) == ["/test/test_1.png", "/valannot/val_0.png"]
    assert camvid.fetch(copy, address) == 0 and len(asked) == 2
    assert (copy / "valannot/val_0.png").read_bytes() == (root / "valannot/val_0.png").read_bytes()


def test_a_file_with_another_checksum_is_not_kept(root, tmp_path, server):
    (root / "test/test_0.png").write_bytes(b"not what was published")
    with pytest.raises(BadInput, match=r"test/test_0.png does not have its published checksum"):
        camvid.fetch(tmp_path / "copy", server[0])
    assert not (tmp_path / "copy/test/test_0.png").exists()


def test_without_a_network_one_learns_what_is_missing_and_what_to_do(tmp_path, server):
    copy = tmp_path / "copy"
    camvid.fetch(copy, server[0])
    for name in ("train_0", "train_1"):
        (copy / "train" / f"{name}.png").unlink()
    sentence = (
        r"^http://127.0.0.1:9 cannot be reached, and .*copy still lacks 2 files "
        r"\(train/train_0.png, train/train_1.png\); start again later.*CAMVID_DIR to a copy"
    )
    with pytest.raises(BadInput, match=sentence):
        camvid.fetch(copy, "http://127.0.0.1:9")


def test_a_file_that_is_gone_from_the_server_is_no_traceback(root, tmp_path, server):
    (root / "test/test_0.png").unlink()
    with pytest.raises(BadInput, match=r"still lacks 12 files \(test/test_0.png"):
        camvid.fetch(tmp_path / "copy", server[0])


def test_the_tracked_checksums_are_those_of_the_published_set():
    counts = {}
    for path, digest in camvid.published().items():
        assert re.fullmatch(r"[0-9a-f]{64}", digest)
        folder = path.split("/")[0]
        counts[folder] = counts.get(folder, 0) + 1
    frames = {"train": 367, "val": 101, "test": 233}
    assert counts == frames | {f"{split}annot": count for split, count in frames.items()}


def test_only_camvid_can_be_fetched():
    with pytest.raises(BadInput, match='data.cityscapes is of kind "cityscapes".* only CamVid can be fetched'):
        fetch("cityscapes", FrameData(kind="cityscapes", directory="nowhere"))
