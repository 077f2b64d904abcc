"""Image sets in one folder a class, in Tiny-ImageNet's layout, zipped or not, and what is wrong with them."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.data.sets import images
from pipeline.data.sets.crops import Crops
from pipeline.data.sets.images import ImageSet
from pipeline.utils.errors import BadInput
from tests.published import save, write_folders, write_tiny_imagenet, zip_folder


def everything(source):
    return [source.read(split, index) for split in ("train", "val") for index in range(len(source.names(split)))]


def test_one_folder_a_class(tmp_path):
    source = ImageSet(write_folders(tmp_path), 40)
    assert [entry.name for entry in source.classes] == ["cat", "dog"]
    assert source.names("train") == ["train/cat/a.JPEG", "train/cat/b.png", "train/dog/a.jpg"]
    assert [source.read("train", index)[1] for index in range(3)] == [0, 0, 1]
    assert [source.read("val", index)[1] for index in range(2)] == [0, 1]


def test_an_image_of_the_right_size_keeps_its_pixels(tmp_path):
    source = ImageSet(write_folders(tmp_path), 40)
    assert np.array_equal(source.read("train", 1)[0], np.asarray(Image.open(tmp_path / "train/cat/b.png")))


def test_a_wide_grey_image_becomes_its_central_square_in_rgb(tmp_path):
    write_folders(tmp_path)
    picture = np.zeros((40, 80), np.uint8)
    picture[:, 20:60] = 200
    save(tmp_path / "train/dog/a.png", picture)
    (tmp_path / "train/dog/a.jpg").unlink()
    image, class_id = ImageSet(tmp_path, 32).read("train", 2)
    assert image.shape == (32, 32, 3) and class_id == 1
    assert (image[:, 1:-1] == 200).all()


def test_tiny_imagenet_reads_the_same_from_its_zip_and_its_folder(tmp_path):
    folder = write_tiny_imagenet(tmp_path / "unzipped")
    archive = ImageSet(zip_folder(folder, tmp_path / "tiny.zip"), 64)
    sources = (ImageSet(folder, 64), ImageSet(folder / "tiny-imagenet-200", 64), archive)
    for source in sources:
        assert [entry.name for entry in source.classes] == ["n01", "n02"]
        assert [class_id for _, class_id in everything(source)] == [0, 0, 1, 1, 1, 0]
    first, *others = (np.stack([image for image, _ in everything(source)]) for source in sources)
    assert all(np.array_equal(first, other) for other in others)


def test_a_set_without_val_says_what_is_expected(tmp_path):
    save(tmp_path / "train/cat/a.png", np.zeros((40, 40, 3), np.uint8))
    with pytest.raises(BadInput, match=r"contains no images in train/CLASS/ and val/CLASS/; the folder or zip"):
        ImageSet(tmp_path, 40)


def test_a_class_that_train_lacks_is_named(tmp_path):
    write_folders(tmp_path)
    save(tmp_path / "val/bird/a.png", np.zeros((40, 40, 3), np.uint8))
    with pytest.raises(BadInput, match=r"val/bird/a.png has the class bird, which train/ lacks"):
        ImageSet(tmp_path, 40)


def test_an_image_without_its_annotation_is_named(tmp_path):
    write_tiny_imagenet(tmp_path)
    save(tmp_path / "tiny-imagenet-200/val/images/val_7.JPEG", np.zeros((64, 64, 3), np.uint8))
    with pytest.raises(BadInput, match=r"val_annotations.txt has no line for the image val/images/val_7.JPEG"):
        ImageSet(tmp_path, 64)


@pytest.mark.parametrize("zipped", [False, True])
def test_a_corrupt_image_is_named(tmp_path, zipped):
    folder = write_tiny_imagenet(tmp_path / "set")
    broken = folder / "tiny-imagenet-200/train/n01/images/n01_1.JPEG"
    broken.write_bytes(broken.read_bytes()[:500])
    source = ImageSet(zip_folder(folder, tmp_path / "set.zip") if zipped else folder, 64)
    with pytest.raises(BadInput, match=r"n01_1.JPEG cannot be read as an image \(.*\); download it again, or remove"):
        everything(source)


def test_a_damaged_zip_is_named(tmp_path):
    folder = write_tiny_imagenet(tmp_path / "set")
    archive = zip_folder(folder, tmp_path / "set.zip")
    content, image = archive.read_bytes(), (folder / "tiny-imagenet-200/val/images/val_0.JPEG").read_bytes()
    archive.write_bytes(content.replace(image, bytes(len(image))))
    with pytest.raises(BadInput, match=r"set.zip is damaged at val/images/val_0.JPEG .*; download it again"):
        everything(ImageSet(archive, 64))
    archive.write_bytes(content[:3000])
    with pytest.raises(BadInput, match=r"set.zip cannot be read as a zip; download it again"):
        ImageSet(archive, 64)


def test_a_zip_with_a_link_or_a_bomb_in_it_is_refused(tmp_path, monkeypatch):
    archive = zip_folder(write_folders(tmp_path / "set"), tmp_path / "set.zip")
    with zipfile.ZipFile(archive, "a") as changed:
        changed.writestr("train/cat/large.png", bytes(2_000_000), zipfile.ZIP_DEFLATED)
    monkeypatch.setattr(images, "LARGEST_FILE", 1_000_000)
    with pytest.raises(BadInput, match=r"set.zip holds train/cat/large.png of 2.0 MB, but a file may have 1.0 MB"):
        ImageSet(archive, 40)
    with zipfile.ZipFile(archive, "a") as changed:
        changed.writestr("../outside.png", b"")
    with pytest.raises(BadInput, match=r"set.zip holds '../outside.png', a path that leads outside"):
        ImageSet(archive, 40)


def test_folders_that_link_in_a_circle_are_refused_and_a_huge_tree_beside_them_is_not_walked(tmp_path):
    folder = write_folders(tmp_path / "set")
    (folder / "all").symlink_to("/proc")
    assert len(ImageSet(folder, 40).names("train")) == 3
    (folder / "train/cat/again").symlink_to(folder / "train")
    with pytest.raises(BadInput, match=r"cat/again/cat/again links to a folder that another link leads to"):
        ImageSet(folder, 40)
    with pytest.raises(BadInput, match=r"/proc contains no images in train/CLASS/ and val/CLASS/"):
        ImageSet(Path("/proc"), 40)


def test_crops_are_balanced_and_no_crop_is_in_both_splits():
    source = Crops(1, 32, {"train": 38, "val": 19})
    train = [source.read("train", index) for index in range(38)]
    val = [source.read("val", index) for index in range(19)]
    assert np.bincount([class_id for _, class_id in train]).tolist() == [2] * 19
    assert np.bincount([class_id for _, class_id in val]).tolist() == [1] * 19
    assert len({image.tobytes() for image, _ in train + val}) == 57
