"""Small folders in the published layouts of data sets."""

import io
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from pipeline.data.sets.cityscapes import FIRST_INSTANCE, LABEL_IDS
from pipeline.data.sets.synthetic import render, scene_index

ROWS, COLUMNS = 12, 16

FIRST_WITH_OBJECTS = 24
"""Official label ids from 24 on (person to bicycle) have instances in Cityscapes."""


def write_camvid(root: Path, counts: dict[str, int] | None = None, ending: str = ".png") -> Path:
    """Frames of noise, named `{split}_{number}`; labels 0 to 11 in turn, so that class 0 has 16 pixels a frame."""
    for split, count in (counts or {"train": 3, "val": 1, "test": 2}).items():
        for number in range(count):
            name = f"{split}_{number}"
            random = np.random.default_rng([len(split), ord(split[0]), number])
            save(root / split / f"{name}{ending}", random.integers(0, 256, (ROWS, COLUMNS, 3), np.uint8))
            save(
                root / f"{split}annot" / f"{name}.png", np.arange(ROWS * COLUMNS, dtype=np.uint8).reshape(ROWS, -1) % 12
            )
    return root


def write_folders(root: Path, side: int = 40) -> Path:
    """Two classes, `cat` and `dog`: three images to train on, one of them grey and not square, and two of `val`."""
    random = np.random.default_rng(0)
    for place in ("train/cat/a.JPEG", "train/cat/b.png", "val/cat/c.jpg", "val/dog/a.jpg"):
        save(root / place, random.integers(0, 256, (side, side, 3), np.uint8))
    save(root / "train/dog/a.jpg", random.integers(0, 256, (side, 2 * side), np.uint8))
    return root


def write_tiny_imagenet(root: Path, side: int = 64) -> Path:
    """Two classes in Tiny-ImageNet's layout, one folder down: 2 + 2 images to train on, 2 to validate, 1 test image."""
    top, random = root / "tiny-imagenet-200", np.random.default_rng(0)
    places = [f"train/{folder}/images/{folder}_{n}.JPEG" for folder in ("n02", "n01") for n in range(2)]
    for place in [*places, "val/images/val_0.JPEG", "val/images/val_1.JPEG", "test/images/test_0.JPEG"]:
        save(top / place, random.integers(0, 256, (side, side, 3), np.uint8))
    (top / "val/val_annotations.txt").write_text("val_0.JPEG\tn02\t0\t0\t62\t57\nval_1.JPEG\tn01\t4\t3\t9\t9\n")
    (top / "wnids.txt").write_text("n02\nn01\n")
    return root


def zip_folder(root: Path, archive: Path) -> Path:
    """Pack a folder's content."""
    with zipfile.ZipFile(archive, "w") as out:
        for path in sorted(root.rglob("*")):
            out.write(path, path.relative_to(root).as_posix())
    return archive


def save(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


def png(array: np.ndarray) -> bytes:
    """The array as the content of a PNG file."""
    content = io.BytesIO()
    Image.fromarray(array).save(content, "PNG")
    return content.getvalue()


def write_cityscapes(root: Path, split: str, count: int, seed: int, height: int, width: int) -> None:
    """Write `count` scenes to `root` in the official layout of Cityscapes: images, labelIds and instanceIds."""
    for number in range(count):
        sample = render(seed, scene_index(split, number), height, width)
        stem = f"synthetic_{seed:06d}_{number:06d}"
        ids = np.append(LABEL_IDS, [0] * (256 - len(LABEL_IDS)))[sample.label].astype(np.uint16)
        save(root / "leftImg8bit" / split / "synthetic" / f"{stem}_leftImg8bit.png", sample.image)
        folder = root / "gtFine" / split / "synthetic"
        save(folder / f"{stem}_gtFine_labelIds.png", ids.astype(np.uint8))
        save(folder / f"{stem}_gtFine_instanceIds.png", _official_instances(ids, sample.instances))


def _official_instances(ids: np.ndarray, instances: np.ndarray) -> np.ndarray:
    """Return `id * 1000 + n` for the n-th object of a class that has objects in Cityscapes, and the id elsewhere."""
    encoded = ids.copy()
    for class_id in range(FIRST_WITH_OBJECTS, LABEL_IDS[-1] + 1):
        of_class = (ids == class_id) & (instances > 0)
        found, number = np.unique(instances[of_class], return_inverse=True)
        if found.size:
            encoded[of_class] = class_id * FIRST_INSTANCE + number
    return encoded
