"""Segments a user's own pictures with a trained network: `python -m pipeline predict CHECKPOINT IMAGE…`.

For each NAME.jpg, `NAME.segmented.png` shows the picture, its classes and their overlay. `NAME.classes.png` is the
class map at the size of the picture, a paletted PNG whose values are class numbers.

The network sees the whole picture, resized to the number of pixels of its training frames with the aspect ratio kept,
because its features depend on the size of objects. If no record gives the frame size, the picture is not resized.
"""

import math
from collections import Counter
from pathlib import Path

import torch
from PIL import Image

from pipeline.deployment import pictures
from pipeline.deployment.checkpoint import open_checkpoint
from pipeline.evaluation import evaluate
from pipeline.utils import device
from pipeline.utils.errors import BadInput
from pipeline.utils.files import atomic, space_for
from pipeline.utils.progress import progress

ENDINGS = (".segmented.png", ".classes.png")
SMALLEST = 64
"""Smallest side in pixels that every network accepts."""


def predict(
    checkpoint: Path,
    images: list[Path],
    folder: Path,
    data: str | None = None,
    size: tuple[int, int] | None = None,
    force: bool = False,
) -> int:
    """Segment `images` into `folder`; return their number. `size` (rows, columns) is the size that the network sees.

    Raises `BadInput` before anything is written if a picture is missing, an output exists (unless `force`), two
    pictures have the same output, or the checkpoint does not fit. Pictures that cannot be read are reported after the
    others are done.
    """
    _check(images, folder, force)
    network = open_checkpoint(checkpoint, data)
    place = device.choose(torch.get_num_threads())
    model = network.model.to(place).to(memory_format=torch.channels_last)
    unread = []
    with space_for(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for path in progress(images, "segmenting", unit="pictures"):
            try:
                picture = pictures.open_picture(path)
            except BadInput as error:
                unread.append(str(error))
                continue
            seen = size or fitting(picture.shape[:2], network.size)
            try:
                (labels,) = evaluate.predict(model, [picture], seen, 1, place)
            except FloatingPointError:
                raise BadInput(
                    f"{checkpoint} gives scores that are not finite; name a run that did not diverge"
                ) from None
            _save(pictures.side_by_side(picture, labels, network.classes), _output(path, folder, ENDINGS[0]))
            _save(pictures.class_map(labels, network.classes), _output(path, folder, ENDINGS[1]))
    if unread:
        read = len(images) - len(unread)
        rest = f"{read} of {len(images)} pictures are in {folder}" if read else "nothing was written"
        raise BadInput("; ".join([*unread, rest]))
    return len(images)


def fitting(picture: tuple[int, int], frames: tuple[int, int] | None) -> tuple[int, int]:
    """Return the size at which a network sees a picture: its aspect ratio, and as many pixels as training `frames`."""
    factor = math.sqrt(math.prod(frames) / math.prod(picture)) if frames else 1
    rows, columns = (max(SMALLEST, round(side * factor)) for side in picture)
    return rows, columns


def _output(image: Path, folder: Path, ending: str) -> Path:
    return folder / f"{image.stem}{ending}"


def _check(images: list[Path], folder: Path, force: bool) -> None:
    for image in images:
        if image.is_dir():
            raise BadInput(f"{image} is a folder; name the pictures in it, e.g. {image}/*.png")
        if not image.exists():
            raise BadInput(f"{image} is missing; name pictures that exist")
    if folder.exists() and not folder.is_dir():
        raise BadInput(f"{folder} is a file; name a folder with --output")
    outputs = {ending: [_output(image, folder, ending) for image in images] for ending in ENDINGS}
    shared = next((path for path, count in Counter(outputs[ENDINGS[0]]).items() if count > 1), None)
    if shared:
        raise BadInput(f"two pictures would be written to {shared}; segment them separately, with different --output")
    taken = {image.resolve() for image in images}
    for output in (path for paths in outputs.values() for path in paths):
        if output.resolve() in taken:
            raise BadInput(f"{output} is one of the input pictures; name another folder with --output")
        if output.exists() and not force:
            raise BadInput(f"{output} exists; replace it with --force, or name another folder with --output")


def _save(image: Image.Image, path: Path) -> None:
    with atomic(path) as temporary:
        image.save(temporary, format="png")
