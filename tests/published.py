"""Small folders in the published layouts of data sets."""

import io
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

ROWS, COLUMNS = 12, 16


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
