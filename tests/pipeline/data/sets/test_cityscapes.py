"""The Cityscapes reader on made-up scenes in the official layout, and the sentence for each thing that can be wrong."""

import numpy as np
import pytest
from PIL import Image

from pipeline.data.base import IGNORE
from pipeline.data.sets.cityscapes import CLASSES, LABEL_IDS, TRAIN_IDS, Cityscapes
from pipeline.data.sets.synthetic import Synthetic
from pipeline.utils.errors import BadInput
from tests.published import FIRST_WITH_OBJECTS, write_cityscapes

SEED, HEIGHT, WIDTH = 4, 64, 128
FIRST = "synthetic_000004_000000"


@pytest.fixture
def root(tmp_path):
    write_cityscapes(tmp_path, "val", 2, SEED, HEIGHT, WIDTH)
    return tmp_path


def ids_path(root, kind="labelIds"):
    return root / "gtFine/val/synthetic" / f"{FIRST}_gtFine_{kind}.png"


def save(path, array):
    Image.fromarray(array).save(path)


def refused(root, sentence):
    with pytest.raises(BadInput, match=sentence):
        Cityscapes(root).read("val", FIRST)


def test_official_ids():
    """As cityscapesscripts/helpers/labels.py has them, in the order of its train ids."""
    assert dict(zip((each.name for each in CLASSES), LABEL_IDS, strict=True)) == {
        "road": 7, "sidewalk": 8, "building": 11, "wall": 12, "fence": 13, "pole": 17, "traffic light": 19,
        "traffic sign": 20, "vegetation": 21, "terrain": 22, "sky": 23, "person": 24, "rider": 25, "car": 26,
        "truck": 27, "bus": 28, "train": 31, "motorcycle": 32, "bicycle": 33,
    }  # fmt: skip
    assert (TRAIN_IDS[7], TRAIN_IDS[23], TRAIN_IDS[33]) == (0, 10, 18)
    assert np.count_nonzero(TRAIN_IDS == IGNORE) == 256 - 19


def test_round_trip(root):
    source, made = Cityscapes(root), Synthetic(SEED, HEIGHT, WIDTH, {"val": 2})
    assert source.names("val") == [FIRST, "synthetic_000004_000001"]
    for name, original in zip(source.names("val"), made.names("val"), strict=True):
        got, expected = source.read("val", name), made.read("val", original)
        assert np.array_equal(got.image, expected.image)
        assert np.array_equal(got.label, expected.label)
        things = np.isin(got.label, np.flatnonzero(np.array(LABEL_IDS) >= FIRST_WITH_OBJECTS))
        assert got.instances.dtype == np.uint16
        assert np.array_equal(got.instances > 0, things)
        pairs = np.unique(np.stack([got.instances[things], expected.instances[things]]), axis=1)
        assert len(set(pairs[0])) == len(set(pairs[1])) == pairs.shape[1]


def test_instances_are_optional(root):
    ids_path(root, "instanceIds").unlink()
    assert Cityscapes(root).read("val", FIRST).instances is None


def test_void_ids_and_licence_plate_are_ignored(root):
    ids = np.zeros((HEIGHT, WIDTH), np.uint8)
    ids[0], ids[1], ids[2] = 255, 29, 26
    save(ids_path(root), ids)
    instances = np.full((HEIGHT, WIDTH), 29001, np.uint16)
    save(ids_path(root, "instanceIds"), instances)
    sample = Cityscapes(root).read("val", FIRST)
    assert (sample.label[:2] == IGNORE).all() and (sample.label[2] == 13).all() and (sample.label[3:] == IGNORE).all()
    assert (sample.instances[2] == 29001).all() and not sample.instances[3:].any()


def test_missing_directory_says_where_to_get_it(tmp_path):
    with pytest.raises(BadInput, match="cityscapes-dataset.com.*data.cityscapes.directory.*CITYSCAPES_DIR"):
        Cityscapes(tmp_path / "nowhere").names("train")


def test_empty_directory(tmp_path):
    (tmp_path / "leftImg8bit/train").mkdir(parents=True)
    with pytest.raises(BadInput, match="contains no CITY/.*cityscapes-dataset.com"):
        Cityscapes(tmp_path).names("train")


def test_image_without_label(root):
    ids_path(root).unlink()
    refused(root, f"{FIRST}_leftImg8bit.png has no label .*labelIds.png")


def test_label_id_outside_the_official_set(root):
    save(ids_path(root), np.full((HEIGHT, WIDTH), 34, np.uint8))
    refused(root, "labelIds.png contains the label id 34, but official ids are 0 to 33")


def test_instance_id_outside_the_official_set(root):
    save(ids_path(root, "instanceIds"), np.full((HEIGHT, WIDTH), 34000, np.uint16))
    refused(root, "instanceIds.png contains the instance id 34000")


def test_sizes_that_differ(root):
    save(ids_path(root), np.zeros((HEIGHT, WIDTH // 2), np.uint8))
    refused(root, "is 64x64 pixels, but its image is 128x64")


def test_colour_picture_in_place_of_ids(root):
    save(ids_path(root), np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    refused(root, "has 3 channels")


def test_corrupt_files(root):
    ids_path(root).write_bytes(ids_path(root).read_bytes()[:60])
    refused(root, "labelIds.png cannot be read")
    next(root.glob("leftImg8bit/val/*/*_000000_leftImg8bit.png")).write_bytes(b"no image")
    refused(root, "leftImg8bit.png cannot be read")
