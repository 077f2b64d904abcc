"""The interface of a data set: its classes, the frame names of each split, and one frame with its label."""

from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from PIL import Image, UnidentifiedImageError

from pipeline.utils.errors import BadInput

IGNORE = 255
"""Label of pixels that are excluded from training and scoring (Cityscapes' ignore index)."""


class Class(NamedTuple):
    name: str
    colour: tuple[int, int, int]


class Sample(NamedTuple):
    """One frame: image HxWx3 uint8 (RGB), label HxW uint8 (class index or `IGNORE`), instances HxW uint16 or None.

    In `instances`, 0 means no object, and every other value identifies one object of the frame.
    """

    image: np.ndarray
    label: np.ndarray
    instances: np.ndarray | None


class Source(Protocol):
    """A data set as published. Both methods raise `BadInput` with a sentence that names the file."""

    classes: tuple[Class, ...]

    def names(self, split: str) -> list[str]: ...

    def read(self, split: str, name: str) -> Sample: ...


def read_image(path: Path) -> np.ndarray:
    """Decode a PNG or JPEG file to HxWx3 uint8, RGB. Raises `BadInput` if it is missing or damaged."""
    return _decode(path, "RGB")


def read_label(path: Path) -> np.ndarray:
    """Decode a single-channel PNG file to HxW without changing its integers.

    Raises `BadInput` if it is missing or damaged.
    """
    return _decode(path, None)


def _decode(path: Path, mode: str | None) -> np.ndarray:
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert(mode) if mode else image)
    except FileNotFoundError:
        raise BadInput(f"{path} is missing; download it again, or remove its frame from the split") from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise BadInput(f"{path} cannot be read as an image ({error}); download it again") from None
