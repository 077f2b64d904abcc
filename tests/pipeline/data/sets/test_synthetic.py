"""Made-up scenes: the same bytes everywhere, the same street at every size, classes in a street's proportions.

`python -m tests.pipeline.data.sets.test_synthetic` prints the checksums that `synthetic.sha256` tracks.
"""

import hashlib
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from pipeline.data.base import IGNORE
from pipeline.data.scenes import street
from pipeline.data.scenes.light import plan_light, respond
from pipeline.data.scenes.noise import Dice
from pipeline.data.sets.cityscapes import CLASSES
from pipeline.data.sets.synthetic import CROP_CLASSES, Synthetic, crop, render
from pipeline.utils.errors import BadInput

CHECKSUMS = Path(__file__).with_name("synthetic.sha256")
ID = {item.name: index for index, item in enumerate(CLASSES)}
WITH_OBJECTS = ("pole", "traffic light", "traffic sign", "person", "rider", "car", "truck", "bus", "train",
                "motorcycle", "bicycle")  # fmt: skip


def checksums() -> str:
    """Return one line of `sha256  what` for each sampled frame and for the crops."""
    lines = []
    for height, width in ((64, 64), (128, 256)):
        for index in (0, 1, 2, 100_003):
            parts = [part.tobytes() for part in render(7, index, height, width)[:3]]
            lines.append(f"{hashlib.sha256(b''.join(parts)).hexdigest()}  scene {index} {height}x{width}")
    pictures = b"".join(crop(7, index, size)[0].tobytes() for size in (32, 64) for index in range(len(CROP_CLASSES)))
    return "\n".join([*lines, f"{hashlib.sha256(pictures).hexdigest()}  crops 32 and 64"]) + "\n"


@cache
def scenes() -> list:
    return [render(1, index, 128, 256) for index in range(60)]


def test_bytes_are_those_of_every_other_machine():
    assert checksums() == CHECKSUMS.read_text()


def test_sample_has_the_promised_types():
    image, label, instances, _ = render(3, 5, 65, 100)
    assert (image.shape, image.dtype) == ((65, 100, 3), np.uint8)
    assert (label.shape, label.dtype) == ((65, 100), np.uint8)
    assert (instances.shape, instances.dtype) == ((65, 100), np.uint16)


def test_seed_and_index_both_change_the_scene():
    first = render(1, 0, 64, 64).image
    assert not np.array_equal(first, render(1, 1, 64, 64).image)
    assert not np.array_equal(first, render(2, 0, 64, 64).image)


def test_classes_in_a_streets_proportions():
    counts = sum(np.bincount(scene.label.ravel(), minlength=256) for scene in scenes())
    share = counts / counts.sum()
    assert set(np.flatnonzero(counts)) == {*range(19), IGNORE}
    bounds = {"road": (0.25, 0.42), "building": (0.12, 0.28), "vegetation": (0.09, 0.22), "sky": (0.03, 0.12),
              "car": (0.04, 0.1), "sidewalk": (0.03, 0.08), "person": (0.005, 0.02), "pole": (0.008, 0.025)
    }  # fmt: skip
    for name, (low, high) in bounds.items():
        assert low < share[ID[name]] < high, name
    assert 0.02 < share[IGNORE] < 0.1


def test_every_scene_has_void_and_most_classes():
    for scene in scenes():
        present = np.unique(scene.label)
        assert IGNORE in present and len(present) >= 10


def test_place_does_not_give_the_class_away():
    """The best label per pixel position, road's trapezium, must leave much to be seen in the picture."""
    labels = np.stack([scene.label for scene in scenes()])
    counts = np.stack([(labels == number).sum(0) for number in range(19)])
    assert counts.max(0).sum() / counts.sum() < 0.65


@pytest.mark.parametrize("name", ["road", "building", "vegetation", "sky", "car"])
def test_colour_does_not_give_the_class_away(name):
    """Brightness and warmth of a class, averaged over each scene, spread as widely as a palette's colours do."""
    masks = [(scene.image, scene.label == ID[name]) for scene in scenes()]
    colours = np.array([image[mask].mean(0) for image, mask in masks if mask.sum() > 100])
    assert colours.mean(1).std() > 28
    assert (colours[:, 0] - colours[:, 2]).std() > 22


@pytest.mark.parametrize("plan", ["plan_light", "plan_palette"])
def test_labels_depend_on_neither_light_nor_palette(plan, monkeypatch):
    before = render(1, 3, 64, 128)
    planned = getattr(street, plan)
    monkeypatch.setattr(street, plan, lambda dice: planned(Dice(12345)))
    after = render(1, 3, 64, 128)
    assert np.array_equal(before.label, after.label) and np.array_equal(before.instances, after.instances)
    assert np.abs(before.image.astype(int) - after.image).mean() > 10


def test_camera_responds_evenly_and_within_its_range():
    """A brighter surface is never darker in the picture, white stays white and black is lifted by flare alone."""
    exposure = np.linspace(-20, 300, 200, dtype=np.float32)[None]
    for index in range(20):
        light = plan_light(Dice(index))
        grey = respond(exposure, light)
        assert (np.diff(grey) > -1e-4).all()
        assert grey[0, 0] == pytest.approx(255 * light.flare, abs=1e-3) and grey[0, -1] == pytest.approx(255, abs=1e-3)


@pytest.mark.parametrize("index", range(4))
def test_same_scene_at_every_size(index):
    small, large = render(1, index, 64, 128), render(1, index, 256, 512)
    agree = small.label == large.label[2::4, 2::4]
    assert agree.mean() > 0.93
    assert (small.instances == large.instances[2::4, 2::4]).mean() > 0.93
    shrunk = large.image.reshape(64, 4, 128, 4, 3).mean((1, 3))
    assert np.abs(shrunk - small.image).mean() < 15


def test_an_object_has_one_class_and_stuff_has_no_objects():
    for scene in scenes()[:10]:
        for number in np.unique(scene.instances)[1:]:
            assert len(np.unique(scene.label[scene.instances == number])) == 1
        of_objects = np.isin(scene.label, [ID[name] for name in WITH_OBJECTS])
        assert np.array_equal(scene.instances > 0, of_objects)


def test_objects_go_down_to_a_few_pixels_and_poles_to_one_column():
    sizes = np.concatenate(
        [np.unique(scene.instances[scene.instances > 0], return_counts=True)[1] for scene in scenes()]
    )
    assert (sizes <= 8).sum() > 50 and (sizes > 500).sum() > 50
    poles = [scene.label == ID["pole"] for scene in scenes()]
    thin = [pole[:, 1:-1] & ~pole[:, :-2] & ~pole[:, 2:] for pole in poles]
    assert sum(int(one.sum()) for one in thin) > 1000


@pytest.mark.parametrize("size", [(64, 2048), (2048, 64), (64, 64)])
def test_extreme_sizes(size):
    assert render(1, 1, *size).label.shape == size


@pytest.mark.parametrize("size", [(63, 128), (128, 2049)])
def test_sizes_that_cannot_be_drawn(size):
    with pytest.raises(BadInput, match="choose a width and a height from 64 to 2048"):
        render(1, 1, *size)


def test_crops_are_balanced_and_differ():
    crops = [crop(1, index, 32) for index in range(38)]
    assert [number for _, number in crops] == [*range(19)] * 2
    assert all(picture.shape == (32, 32, 3) and picture.dtype == np.uint8 for picture, _ in crops)
    assert len({picture.tobytes() for picture, _ in crops}) == 38


@pytest.mark.parametrize("size", [31, 129])
def test_crops_that_cannot_be_drawn(size):
    with pytest.raises(BadInput, match="choose a size from 32 to 128"):
        crop(1, 1, size)


def test_splits_share_no_scene():
    source = Synthetic(1, 64, 64, {"train": 3, "val": 2, "test": 2})
    assert source.names("train") == ["train_00000", "train_00001", "train_00002"]
    pictures = {source.read(split, name).image.tobytes() for split in ("train", "val", "test")
                for name in source.names(split)}  # fmt: skip
    assert len(pictures) == 7


def test_reader_refuses_what_it_does_not_have():
    source = Synthetic(1, 64, 64, {"train": 3})
    with pytest.raises(BadInput, match="split val has no scenes; choose from train"):
        source.names("val")
    for name in ("train_00003", "val_00000", "train_x"):
        with pytest.raises(BadInput, match="choose a frame from train_00000 to train_00002"):
            source.read("train", name)
    with pytest.raises(BadInput, match="split valid cannot be drawn"):
        Synthetic(1, 64, 64, {"valid": 3})
    with pytest.raises(BadInput, match="0 synthetic scenes for the split val"):
        Synthetic(1, 64, 64, {"val": 0})


if __name__ == "__main__":
    print(checksums(), end="")
