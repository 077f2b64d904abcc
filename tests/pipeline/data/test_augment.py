"""What the network is shown, on frames in which every pixel is another colour and another class."""

import ctypes
import mmap
import os
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from pipeline.config import params
from pipeline.data import augment
from pipeline.data.base import IGNORE
from pipeline.training.train import Frames
from tests.prepared_frames import write_prepared

ROWS, COLUMNS = 12, 20
LABEL = np.arange(ROWS * COLUMNS, dtype=np.uint8).reshape(ROWS, COLUMNS)
IMAGE = np.stack([LABEL, 255 - LABEL, LABEL // 2], axis=-1)
"""Red is the class, and no two channels, rows or columns are alike."""
PLAIN = {"scale": (1.0, 1.0), "flip": 0.0, "crop_size": (ROWS, COLUMNS), "frame_size": (ROWS, COLUMNS)}
RECIPE = params.load().recipes["quick"].training.model_copy(update=PLAIN)


def crop(seed=0, **changed):
    """The frame as a network sees it: pixels 3xHxW and labels HxW."""
    return augment.crop_frame(IMAGE, LABEL, RECIPE.model_copy(update=changed), np.random.default_rng(seed))


def colours(pixels):
    """uint8 colours HxWx3 of normalised pixels."""
    deviation, mean = torch.tensor([0.229, 0.224, 0.225]), torch.tensor([0.485, 0.456, 0.406])
    return ((pixels.permute(1, 2, 0) * deviation + mean) * 255).round().to(torch.uint8).numpy()


def window(classes):
    """Where in the frame the crop lies whose first pixel has this class."""
    return divmod(int(classes[0, 0]), COLUMNS)


def enlarged(image, size):
    """By Pillow, whose bilinear filter also puts a pixel's value at its centre."""
    return np.asarray(Image.fromarray(image).resize(size[::-1], Image.Resampling.BILINEAR))


def test_images_are_normalised_by_imagenets_channels_in_rgb_order():
    images = torch.tensor([[[[255, 0, 51]]]], dtype=torch.uint8)
    expected = [(1 - 0.485) / 0.229, (0 - 0.456) / 0.224, (0.2 - 0.406) / 0.225]
    torch.testing.assert_close(augment.normalise(images).flatten(), torch.tensor(expected))


def test_without_resize_crop_and_flip_a_frame_stays_as_it_is():
    pixels, classes = crop()
    assert np.array_equal(colours(pixels), IMAGE) and np.array_equal(classes, LABEL)
    assert classes.dtype == torch.int64


def test_a_flip_mirrors_the_columns_of_image_and_label():
    pixels, classes = crop(flip=1.0)
    assert np.array_equal(colours(pixels), IMAGE[:, ::-1]) and np.array_equal(classes, LABEL[:, ::-1])


def test_as_many_frames_are_flipped_as_the_recipe_says():
    for share in (0.0, 0.3, 1.0):
        flipped = np.mean([crop(seed, flip=share)[1][0, 0] != 0 for seed in range(200)])
        assert flipped == pytest.approx(share, abs=0.1 * (0 < share < 1))


def test_a_crop_is_the_same_part_of_image_and_label_anywhere_in_the_frame():
    places = set()
    for seed in range(150):
        pixels, classes = crop(seed, crop_size=(8, 16))
        row, column = window(classes)
        assert np.array_equal(classes, LABEL[row : row + 8, column : column + 16])
        assert np.array_equal(colours(pixels), IMAGE[row : row + 8, column : column + 16])
        places.add((row, column))
    assert places == {(row, column) for row in range(5) for column in range(5)}


@pytest.mark.parametrize(
    ("frame_size", "scale"), [((ROWS, COLUMNS), 2.0), ((2 * ROWS, 2 * COLUMNS), 1.0), ((4 * ROWS, 4 * COLUMNS), 0.5)]
)
def test_a_frame_counts_as_resized_to_frame_size_times_a_factor_before_it_is_cropped(frame_size, scale):
    """Twice as large in all: a crop of the frame's size is half of its rows and columns, each pixel doubled."""
    pixels, classes = crop(frame_size=frame_size, scale=(scale, scale))
    row, column = window(classes)
    part = np.s_[row : row + ROWS // 2, column : column + COLUMNS // 2]
    assert np.array_equal(classes, LABEL[part].repeat(2, axis=0).repeat(2, axis=1)), "labels are never mixed"
    assert np.abs(colours(pixels).astype(int) - enlarged(IMAGE[part], (ROWS, COLUMNS))).max() <= 1


def test_rows_and_columns_are_resized_by_one_factor():
    """Where that leaves room, the rest is the mean colour and nothing to learn, wherever the frame comes to lie."""
    places, factors = set(), set()
    for seed in range(100):
        pixels, classes = crop(seed, scale=(0.5, 1.0))
        kept = classes != IGNORE
        rows, columns = kept.any(1).nonzero().flatten(), kept.any(0).nonzero().flatten()
        assert kept.sum() == len(rows) * len(columns), "a rectangle"
        assert len(rows) / ROWS == pytest.approx(len(columns) / COLUMNS, abs=0.07)
        assert not pixels[:, ~kept].any() and pixels[:, kept].any()
        places.add((int(rows[0]), int(columns[0])))
        factors.add(len(rows))
    assert factors == {6, 7, 8, 9, 10, 11, 12}
    assert len({row for row, _ in places}) > 4 and len({column for _, column in places}) > 6


STORED = (256, 512)


@pytest.fixture
def stored(tmp_path):
    """Frames and labels in memory, and the same as training maps them from a disk."""
    random = np.random.default_rng(0)
    arrays = random.integers(0, 256, (2, *STORED, 3), np.uint8), random.integers(0, 4, (2, *STORED), np.uint8)
    prepared = write_prepared(tmp_path, ["a", "b", "c", "d"], train=arrays)
    changed = {"frame_size": STORED, "crop_size": (64, 64), "scale": (0.8, 1.25), "flip": 0.5, "splits": ["train"]}
    return arrays, lambda: Frames(prepared, RECIPE.model_copy(update=changed), seed=0)


def test_a_crop_of_a_stored_frame_is_that_of_the_frame_in_memory(stored):
    (images, labels), opened = stored
    frames, drawn = opened(), set()
    for item in ((0, 0), (3, 1), (4, 1)):
        pixels, classes = frames[item]
        expected = augment.crop_frame(images[item[1]], labels[item[1]], frames.training, frames._random(item))
        assert torch.equal(pixels, expected[0]) and torch.equal(classes, expected[1])
        drawn.add(frames.draw(item)[2])
    assert drawn == {False, True}


@pytest.mark.skipif(sys.platform != "linux", reason="it needs mincore and a cache that can be emptied")
def test_a_crop_reads_only_its_rows_from_the_disk(stored, tmp_path):
    frames, path = stored[1](), tmp_path / "train.images.npy"
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    if cached(path).any():
        pytest.skip("this disk is in memory")
    frames[3, 1]
    rows, row = frames.draw((3, 1)).rows, 3 * STORED[1]
    start = 128 + (STORED[0] + rows.start) * row
    (read,) = np.nonzero(cached(path))
    assert (read[0], read[-1]) == (start // mmap.PAGESIZE, (start + rows.stored * row - 1) // mmap.PAGESIZE)


def cached(path):
    """Whether each page of a file is in the page cache."""
    content = np.memmap(path, np.uint8, "r")
    found = np.zeros(-(-content.size // mmap.PAGESIZE), np.uint8)
    address, length = ctypes.c_void_p(content.ctypes.data), ctypes.c_size_t(content.size)
    assert ctypes.CDLL(None).mincore(address, length, ctypes.c_void_p(found.ctypes.data)) == 0
    return found & 1 == 1


def test_a_pretraining_crop_is_a_share_of_the_area():
    """A quarter of the area is half of each side; flipped half of the time."""
    image = np.arange(256, dtype=np.uint8).reshape(16, 16)[..., None].repeat(3, axis=2)
    mirrored = 0
    for seed in range(60):
        found = colours(augment.crop_image(image, (0.25, 0.25), np.random.default_rng(seed))).astype(int)
        turned = found[0, 0, 0] > found[0, -1, 0]
        mirrored += turned
        row, column = divmod(int((found[:, ::-1] if turned else found)[0, 0, 0]), 16)
        part = image[row : row + 8, column : column + 8]
        assert np.abs(found - enlarged(part[:, ::-1] if turned else part, (16, 16))).max() <= 1
    assert 15 < mirrored < 45


def test_each_stream_has_random_numbers_of_its_own():
    streams = (augment.ORDER, augment.AUGMENTATION, augment.DROPOUT)
    drawn = [augment.generator(*place).random() for stream in streams for place in ((0, stream, 3), (1, stream, 3))]
    assert len(set(drawn)) == 6
    assert drawn[0] == augment.generator(0, augment.ORDER, 3).random()
