"""Segments a user's own pictures and videos with a trained network: `python -m pipeline predict NETWORK INPUT…`.

For each NAME.jpg, `NAME.segmented.png` shows the picture, its classes and their overlay. `NAME.classes.png` is the
class map at the size of the picture, a paletted PNG whose values are class numbers. For each video NAME.mp4,
`NAME.segmented.mp4` shows the overlay.

The network sees the whole picture, resized to the number of pixels of its training frames with the aspect ratio kept,
because its features depend on the size of objects. If no record gives the frame size, the picture is not resized. An
exported file has one size, to which every picture is resized.
"""

import math
import statistics
import time
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from pipeline.deployment import pictures, video
from pipeline.deployment.checkpoint import Trained, open_network
from pipeline.evaluation import evaluate
from pipeline.utils import device
from pipeline.utils.errors import BadInput
from pipeline.utils.files import atomic, space_for
from pipeline.utils.progress import progress

PICTURES = (".bmp", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp")
"""Endings of what is segmented in a folder, beside videos."""
ENDINGS = (".segmented.png", ".classes.png")
VIDEO_ENDING = ".segmented.mp4"
SMALLEST = 64
"""Smallest side in pixels that every network accepts."""


def predict(
    network: Path,
    inputs: list[Path],
    folder: Path,
    data: str | None = None,
    size: tuple[int, int] | None = None,
    force: bool = False,
) -> str:
    """Segment pictures, videos, and those in folders, into `folder`; return a sentence with their number and rate.

    `network` is a checkpoint or an exported file. `size` (rows, columns) is the size that it sees.

    Raises `BadInput` before anything is written if an input is missing, an output exists (unless `force`), two inputs
    have the same output, or the network does not fit. Inputs that cannot be read are reported after the others are
    done.
    """
    paths = [path for each in inputs for path in _inside(each)]
    _check(paths, folder, force)
    segment = _Segmenter(network, open_network(network, data), size)
    unread = []
    with space_for(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for path in progress(paths, "segmenting", unit="files"):
            try:
                (_video if _is_video(path) else _picture)(path, folder, segment)
            except BadInput as error:
                unread.append(str(error))
    if unread:
        read = len(paths) - len(unread)
        rest = f"{read} of {len(paths)} files are in {folder}" if read else "nothing was written"
        raise BadInput("; ".join([*unread, rest]))
    return f"{len(paths)} file{'s' if len(paths) > 1 else ''} segmented, in {folder}; {segment.rate}"


class _Segmenter:
    """Segments one picture at a time, and notes how long that takes."""

    def __init__(self, path: Path, network: Trained, size: tuple[int, int] | None):
        if network.fixed and size not in (None, network.size):
            rows, columns = network.size
            raise BadInput(f"{path} takes images of {rows}x{columns} only; leave --size out, or export it at that size")
        self.path, self.classes, self.size = path, network.classes, network.size if network.fixed else size
        self.frames, self.seconds = network.size, list[float]()
        # A program of torch.export runs on the device that it was exported on.
        self.place = torch.device("cpu") if network.fixed else device.choose(torch.get_num_threads())
        model = network.model
        self.model = model.to(self.place, memory_format=torch.channels_last) if isinstance(model, nn.Module) else model

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """Return the class of every pixel of `picture` (HxWx3 uint8), HxW uint8."""
        started = time.perf_counter()
        try:
            seen = self.size or fitting(picture.shape[:2], self.frames)
            (labels,) = evaluate.predict(self.model, [picture], seen, 1, self.place)
        except FloatingPointError:
            raise BadInput(f"{self.path} gives scores that are not finite; name a run that did not diverge") from None
        self.seconds.append(time.perf_counter() - started)
        return labels

    @property
    def rate(self) -> str:
        """The median time of a picture, without reading and writing it, in words."""
        if not self.seconds:
            return "there was no frame in it"
        median = statistics.median(self.seconds)
        return f"{1000 * median:.3g} ms a picture without reading and writing ({1 / median:.3g} a second)"


def fitting(picture: tuple[int, int], frames: tuple[int, int] | None) -> tuple[int, int]:
    """Return the size at which a network sees a picture: its aspect ratio, and as many pixels as training `frames`."""
    factor = math.sqrt(math.prod(frames) / math.prod(picture)) if frames else 1
    rows, columns = (max(SMALLEST, round(side * factor)) for side in picture)
    return rows, columns


def _picture(path: Path, folder: Path, segment: _Segmenter) -> None:
    picture = pictures.open_picture(path)
    labels = segment(picture)
    _save(pictures.side_by_side(picture, labels, segment.classes), folder / f"{path.stem}{ENDINGS[0]}")
    _save(pictures.class_map(labels, segment.classes), folder / f"{path.stem}{ENDINGS[1]}")


def _video(path: Path, folder: Path, segment: _Segmenter) -> None:
    with video.opened(path) as found, video.written(folder / f"{path.stem}{VIDEO_ENDING}", found.rate) as file:
        for frame in progress(found.frames, path.name, found.count or None, unit="frames"):
            file.add(pictures.overlaid(frame, segment(frame), segment.classes))


def _is_video(path: Path) -> bool:
    return path.suffix.lower() in video.ENDINGS


def _inside(path: Path) -> list[Path]:
    """The pictures and videos of a folder, by name; a file itself."""
    if not path.is_dir():
        return [path]
    found = [each for each in sorted(path.iterdir()) if each.suffix.lower() in (*PICTURES, *video.ENDINGS)]
    if not found:
        raise BadInput(f"{path} holds no picture or video; their names end in {', '.join((*PICTURES, *video.ENDINGS))}")
    return found


def _outputs(path: Path, folder: Path) -> list[Path]:
    return [folder / f"{path.stem}{ending}" for ending in ((VIDEO_ENDING,) if _is_video(path) else ENDINGS)]


def _check(paths: list[Path], folder: Path, force: bool) -> None:
    for path in paths:
        if not path.exists():
            raise BadInput(f"{path} is missing; name pictures or videos that exist")
    if folder.exists() and not folder.is_dir():
        raise BadInput(f"{folder} is a file; name a folder with --output")
    outputs = [output for path in paths for output in _outputs(path, folder)]
    shared = next((path for path, count in Counter(outputs).items() if count > 1), None)
    if shared:
        raise BadInput(f"two inputs would be written to {shared}; segment them separately, with different --output")
    taken = {path.resolve() for path in paths}
    for output in outputs:
        if output.resolve() in taken:
            raise BadInput(f"{output} is one of the inputs; name another folder with --output")
        if output.exists() and not force:
            raise BadInput(f"{output} exists; replace it with --force, or name another folder with --output")


def _save(image: Image.Image, path: Path) -> None:
    with atomic(path) as temporary:
        image.save(temporary, format="png")
