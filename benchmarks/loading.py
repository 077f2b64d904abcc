"""Measures what one core prepares and loads at full size: frames of 1024x2048, and images of 224x224 in JPEG files.

    python -m benchmarks.loading [--frames 16] [--images 160] [--rate 100]

The frames are drawn scenes in the layout of Cityscapes. The images are parts of one, with noise that makes their files
as large as those of ImageNet (500x375 pixels, 110 kB). Crops are those of the recipe `paper`, in batches of 8. "Per
core" is processor time of one thread, so other work on the machine does not count. "Cold" is elapsed time without the
page cache. `--rate` is how many frames or images per second a GPU trains; so many loader processes would feed it.
"""

import argparse
import json
import math
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.utils.data import Dataset, default_collate

from pipeline.config import params
from pipeline.config.data import FrameData, ImageData
from pipeline.data import prepare as preparation
from pipeline.data.reader import Prepared
from pipeline.data.sets.synthetic import render
from pipeline.training.pretrain import Images
from pipeline.training.train import Frames
from pipeline.utils.files import size
from tests.published import write_cityscapes

ROWS, COLUMNS, SIDE, BATCH, ROUNDS = 1024, 2048, 224, 8, 3
CITYSCAPES, IMAGENET = 2975 + 500, 1_281_167 + 50_000
"""Frames and images of the published sets, train and val."""
NOISE, QUALITY = 14, 92
"""Standard deviation in grey levels, and JPEG quality, that give images of about 110 kB."""


def write_images(root: Path, count: int) -> None:
    """Write images of 500x375 pixels and two classes to `root`, a quarter of them for val."""
    random, scene = np.random.default_rng(0), render(0, 0, ROWS, COLUMNS).image
    for number in range(count):
        top, left = random.integers(0, (ROWS - 375, COLUMNS - 500))
        noisy = scene[top : top + 375, left : left + 500] + random.normal(0, NOISE, (375, 500, 3))
        path = root / ("val" if number % 4 == 3 else "train") / str(number // 4 % 2) / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(path, quality=QUALITY)


def prepared(name: str, spec: FrameData | ImageData, folder: Path, whole: int) -> Prepared:
    """Prepare a set in this process; say how long the published one of `whole` frames or images would take."""
    started = time.process_time()
    result = preparation.prepare(name, spec, folder, processes=1)
    seconds, count = time.process_time() - started, sum(split["count"] for split in result["splits"].values())
    files = sum(path.stat().st_size for path in Path(spec.directory).rglob("*.*")) / count
    arrays = sum(path.stat().st_size for path in folder.glob("*.npy")) / count
    print(
        f"prepare {name}: {count} of {size(files)} as files, {1000 * seconds / count:.1f} ms each per core; times "
        f"{whole:,}: {seconds / count * whole / 60:.0f} minutes on one core, {size(arrays * whole)} of arrays"
    )
    (folder / "manifest.json").write_text(json.dumps({"result": result}))
    return Prepared(folder)


def load(what: str, data: Dataset, rate: float) -> None:
    """Measure batches, and say how many processes would feed a GPU."""
    seconds = []
    for epoch in range(ROUNDS):
        for start in range(0, len(data) - BATCH + 1, BATCH):
            started = time.process_time()
            default_collate([data[epoch, index] for index in range(start, start + BATCH)])
            seconds.append((time.process_time() - started) / BATCH)
    median = statistics.median(seconds)
    print(
        f"{what}: {1000 * median:.1f} ms each (median of {len(seconds)} batches), {1 / median:.0f} per second and "
        f"core; {math.ceil(rate * median)} loader processes feed {rate:g} per second"
    )


def load_cold(folder: Path, frames: Callable[[], Frames]) -> None:
    """Measure crops of frames that are not in the page cache, and what they read from the disk."""
    count, read, seconds, rows = len(frames()), 0, [], []
    for index in range(count):
        _forget(folder)
        data, before, started = frames(), _read_from_disk(), time.perf_counter()
        data[0, index]
        seconds.append(time.perf_counter() - started)
        read += _read_from_disk() - before
        rows.append(data.draw((0, index)).rows.stored / ROWS)
        del data  # what is mapped stays in the page cache
    print(
        f"the same, cold: {1000 * statistics.median(seconds):.1f} ms each; they need {statistics.mean(rows):.0%} of "
        f"the rows of their frames, and read {size(read / count)} of {size(ROWS * COLUMNS * 4)} from the disk"
    )


def _forget(folder: Path) -> None:
    """Take the arrays of a folder out of the page cache."""
    for path in folder.glob("*.npy"):
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _read_from_disk() -> int:
    """Bytes that this process has read from disks so far."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("read_bytes"))


def measure_frames(folder: Path, count: int, rate: float) -> None:
    """Measure the preparation of frames and the loading of crops."""
    for split, seed, wanted in (("train", 1, count), ("val", 2, 1)):
        write_cityscapes(folder / "published", split, wanted, seed, ROWS, COLUMNS)
    spec = FrameData(kind="cityscapes", directory=str(folder / "published"))
    data = prepared("cityscapes", spec, folder / "prepared", CITYSCAPES)
    training = params.load().recipes["paper"].training
    load("crops of {}x{}".format(*training.crop_size), Frames(data, training, 0), rate)
    load_cold(folder / "prepared", lambda: Frames(data, training, 0))


def measure_images(folder: Path, count: int, rate: float) -> None:
    """Measure the preparation and the loading of images that stay JPEG files, as those of ImageNet do."""
    write_images(folder / "published", count)
    preparation.LARGEST = 0  # ImageNet's pixels would fill 200 GB
    spec = ImageData(kind="images", directory=str(folder / "published"), size=SIDE)
    data = prepared("imagenet", spec, folder / "prepared", IMAGENET)
    load(f"images of {SIDE}x{SIDE}", Images(data, "train", params.load().recipes["paper"].pretraining), rate)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=16)
    parser.add_argument("--images", type=int, default=160)
    parser.add_argument("--rate", type=float, default=100)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(dir=".") as folder:
        measure_frames(Path(folder, "frames"), options.frames, options.rate)
        measure_images(Path(folder, "images"), options.images, options.rate)


if __name__ == "__main__":
    main()
