"""The interface of a data set: its classes, the frame names of each split, and one frame with its label."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

import numpy as np
from PIL import Image, UnidentifiedImageError

from pipeline.utils.errors import BadInput

IGNORE = 255
"""Label of pixels that are excluded from training and scoring (Cityscapes' ignore index)."""

MOST_PIXELS = 2**26
"""Pixels of the largest picture that is decoded (8192x8192): a file of some kB may hold billions."""

AGAIN = "download it again, or remove its frame from the split"


class Class(NamedTuple):
    name: str
    colour: tuple[int, int, int]


class Sample(NamedTuple):
    """One frame: image HxWx3 uint8 (RGB), label HxW (class index or `IGNORE`), instances HxW or None.

    In `instances`, 0 means no object, and every other value identifies one object of the frame. Both may be of any
    type of integers; `checks.checked_frame` makes them uint8 and uint16. `file` is the label's, for messages.
    """

    image: np.ndarray
    label: np.ndarray
    instances: np.ndarray | None = None
    file: Path | None = None


class Source(Protocol):
    """A data set as published. Both methods raise `BadInput` with a sentence that names the file."""

    def names(self, split: str) -> list[str]: ...

    def read(self, split: str, name: str) -> Sample: ...


def read_image(path: Path) -> np.ndarray:
    """Decode a PNG or JPEG file to HxWx3 uint8, RGB. Raises `BadInput` if it is missing or damaged."""
    with opened(path, path, AGAIN) as image:
        return np.asarray(image.convert("RGB"))


def read_label(path: Path, size: tuple[int, int], otherwise: str) -> np.ndarray:
    """Decode a single-channel PNG file to HxW without changing its integers.

    Raises `BadInput` if it is missing or damaged, or if it does not have one channel and the `size` (rows, columns) of
    its image; `otherwise` then says what to do.
    """
    with opened(path, path, AGAIN) as image:
        label = np.asarray(image)
    if label.ndim != 2:
        raise BadInput(f"{path} has {label.shape[2]} channels, but a label has one; {otherwise}")
    if label.shape != size:
        rows, columns = label.shape
        raise BadInput(f"{path} is {columns}x{rows} pixels, but its image is {size[1]}x{size[0]}; {otherwise}")
    return label


@contextmanager
def opened(source: Path | BinaryIO, path: Path, otherwise: str) -> Iterator[Image.Image]:
    """Open a picture to decode it. `BadInput` if it is missing, damaged or beyond `MOST_PIXELS` names `path`, and what
    to do `otherwise`."""
    if isinstance(source, Path) and source.exists() and not source.is_file():  # reading a pipe would wait for ever
        raise BadInput(f"{path} is not a file; {otherwise}")
    try:
        with Image.open(source) as image:
            if image.width * image.height > MOST_PIXELS:
                size = f"{image.width}x{image.height}"
                raise BadInput(f"{path} has {size} pixels, but at most {MOST_PIXELS:,} are read; {otherwise}")
            yield image
    except FileNotFoundError:
        raise BadInput(f"{path} is missing; {otherwise}") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        reason = "unknown format" if isinstance(error, UnidentifiedImageError) else error
        raise BadInput(f"{path} cannot be read as an image ({reason}); {otherwise}") from None
