"""Turn stored frames into network inputs, for training and for evaluation.

All randomness is a function of (seed, epoch, frame). A run therefore sees the same data whatever variant is trained,
whatever the number of loader processes, and after a restart.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.data.base import IGNORE
from pipeline.data.reader import expect

if TYPE_CHECKING:
    from pipeline.config.recipes import Training

MEAN = torch.tensor([0.485, 0.456, 0.406])
SPREAD = torch.tensor([0.229, 0.224, 0.225])
"""ImageNet's channel means and standard deviations, because the backbone is pretrained on such images."""

ORDER, AUGMENTATION, DROPOUT = 1, 2, 3
"""Identifiers of the random streams. Initialisation has its own (`models.initialisation.initialise`)."""


def generator(seed: int, stream: int, *position: int) -> np.random.Generator:
    """Return the generator of a random stream at one position: (epoch) or (epoch, frame)."""
    return np.random.default_rng([seed, stream, *position])


def normalise(images: Tensor) -> Tensor:
    """Convert images from NxHxWx3 uint8 to Nx3xHxW float32 in channels_last.

    Subtracts ImageNet's mean (Section 4) and divides by its standard deviation.
    """
    return ((images.float() / 255 - MEAN) / SPREAD).permute(0, 3, 1, 2)


def whole_frames(frames: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize whole frames (NxHxWx3 uint8) to `size` (rows, columns) and normalise them: Nx3xHxW float32."""
    if tuple(frames.shape[1:3]) == tuple(size):
        return normalise(frames)
    resized = F.interpolate(frames.permute(0, 3, 1, 2), size, mode="bilinear", antialias=True)
    return normalise(resized.permute(0, 2, 3, 1))


class Span(NamedTuple):
    """One axis of a crop: the stored pixels it reads, the size they are resized to, and the padding around them."""

    start: int
    stored: int
    size: int
    before: int
    after: int

    @property
    def source(self) -> slice:
        return slice(self.start, self.start + self.stored)


class Crop(NamedTuple):
    """Which part of a frame a network is shown. The frame is flipped first, so `columns` are those of its mirror."""

    rows: Span
    columns: Span
    flip: bool


def draw_crop(stored: tuple[int, int], training: "Training", random: np.random.Generator) -> Crop:
    """Draw a resize, a crop and a flip (Section 4) of a frame that is stored with so many rows and columns.

    The frame is resized to `frame_size` times a uniformly drawn factor, and cropped to `crop_size`.
    """
    factor = random.uniform(*training.scale)
    rows, columns = (
        _span(side, frame * factor, wanted, random)
        for side, frame, wanted in zip(stored, training.frame_size, training.crop_size, strict=True)
    )
    return Crop(rows, columns, random.random() < training.flip)


def draw_square(side: int, scale: tuple[float, float], random: np.random.Generator) -> Crop:
    """Draw a square part of a square image, resized to the whole, and a flip.

    The square covers a fraction of the area drawn from `scale`, and is flipped with probability 0.5.
    """
    part = max(1, round(side * random.uniform(*scale) ** 0.5))
    top, left = random.integers(0, side - part + 1, 2)
    return Crop(Span(int(top), part, side, 0, 0), Span(int(left), part, side, 0, 0), random.random() < 0.5)


def crop_frame(
    image: np.ndarray, label: np.ndarray, training: "Training", random: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Draw a crop of one frame (HxWx3) and its label (HxW) and compute it.

    Of a stored frame only the rows of the crop are read, and only the part inside it is resized.
    If the resized frame is smaller than the crop, the image is padded with the mean colour and the label with `IGNORE`.
    """
    rows, columns, flip = draw_crop(label.shape, training, random)
    for stored in (image, label):
        expect(stored[rows.source])
    if flip:
        image, label = image[:, ::-1], label[:, ::-1]
    size, padding = (rows.size, columns.size), (*columns[3:], *rows[3:])
    pixels = _resized(image[rows.source, columns.source], size)
    classes = torch.from_numpy(np.array(label[rows.source, columns.source]))[None, None]
    classes = F.interpolate(classes, size, mode="nearest-exact")[0, 0]
    return F.pad(normalise(pixels)[0], padding), F.pad(classes, padding, value=IGNORE).long()


def crop_image(image: np.ndarray, scale: tuple[float, float], random: np.random.Generator) -> Tensor:
    """Draw a square of an SxSx3 image and resize it back to SxS; return 3xSxS float32."""
    rows, columns, flip = draw_square(image.shape[0], scale, random)
    expect(image[rows.source])
    if flip:
        image = image[:, ::-1]
    return normalise(_resized(image[rows.source, columns.source], (rows.size, columns.size)))[0]


def _resized(image: np.ndarray, size: tuple[int, int]) -> Tensor:
    """Resize an HxWx3 uint8 image to `size`, with a leading batch dimension of 1."""
    # Copy first: torch accepts neither negative strides nor read-only memory.
    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None]
    return F.interpolate(pixels, size, mode="bilinear", antialias=True).permute(0, 2, 3, 1)


def _span(stored: int, resized: float, wanted: int, random: np.random.Generator) -> Span:
    if resized >= wanted:
        kept = max(1, round(stored * wanted / resized))
        return Span(int(random.integers(0, stored - kept + 1)), kept, wanted, 0, 0)
    size = max(1, round(resized))
    before = int(random.integers(0, wanted - size + 1))
    return Span(0, stored, size, before, wanted - size - before)
