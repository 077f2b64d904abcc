"""From stored frames to network inputs, for training and for evaluation.

Everything random is a function of (seed, epoch, frame), in a stream of its own: neither the structure trained, nor the
number of loader processes, nor a restart changes what a run sees.
"""

from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.data.base import IGNORE

if TYPE_CHECKING:
    from pipeline.config.recipes import Training

MEAN = torch.tensor([0.485, 0.456, 0.406])
SPREAD = torch.tensor([0.229, 0.224, 0.225])
"""ImageNet's channel means and standard deviations: the backbone is pretrained on such images."""

ORDER, AUGMENTATION, DROPOUT = 1, 2, 3
"""Random streams; initialisation has its own (models.initialisation.initialise)."""


def generator(seed: int, stream: int, *position: int) -> np.random.Generator:
    """The random numbers of one stream at one position (epoch, or epoch and frame)."""
    return np.random.default_rng([seed, stream, *position])


def normalise(images: Tensor) -> Tensor:
    """Nx HxWx3 uint8 to Nx3xHxW float32 in channels_last, mean subtracted (Section 4) and scaled."""
    return ((images.float() / 255 - MEAN) / SPREAD).permute(0, 3, 1, 2)


def whole_frames(frames: Tensor, size: tuple[int, int]) -> Tensor:
    """Frames NxHxWx3 uint8 as a network sees them whole: resized to `size` (rows, columns) and normalised."""
    if tuple(frames.shape[1:3]) == tuple(size):
        return normalise(frames)
    resized = F.interpolate(frames.permute(0, 3, 1, 2), size, mode="bilinear", antialias=True)
    return normalise(resized.permute(0, 2, 3, 1))


def crop_frame(
    image: np.ndarray, label: np.ndarray, training: "Training", random: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Random resize, crop and flip (Section 4) of one frame HxWx3 and its label HxW, to `training.crop_size`.

    The frame counts as resized to `frame_size` times a uniform factor; only the part that the crop keeps is computed.
    Where the resized frame is smaller than the crop, the rest is the mean colour and `IGNORE`.
    """
    factor = random.uniform(*training.scale)
    rows, columns = (
        _span(stored, frame * factor, wanted, random)
        for stored, frame, wanted in zip(label.shape, training.frame_size, training.crop_size, strict=True)
    )
    if random.random() < training.flip:
        image, label = image[:, ::-1], label[:, ::-1]
    size, padding = (rows.size, columns.size), (*columns.padding, *rows.padding)
    pixels = _resized(image[rows.source, columns.source], size)
    classes = torch.from_numpy(np.array(label[rows.source, columns.source]))[None, None]
    classes = F.interpolate(classes, size, mode="nearest-exact")[0, 0]
    return F.pad(normalise(pixels)[0], padding), F.pad(classes, padding, value=IGNORE).long()


def crop_image(image: np.ndarray, scale: tuple[float, float], random: np.random.Generator) -> Tensor:
    """A random square of `scale` of the area of image SxSx3, flipped half of the time, back at SxS: 3xSxS."""
    side = image.shape[0]
    part = max(1, round(side * random.uniform(*scale) ** 0.5))
    top, left = random.integers(0, side - part + 1, 2)
    if random.random() < 0.5:
        image = image[:, ::-1]
    return normalise(_resized(image[top : top + part, left : left + part], (side, side)))[0]


def _resized(image: np.ndarray, size: tuple[int, int]) -> Tensor:
    """HxWx3 uint8 to 1 x `size` x 3 uint8. Copied first: torch takes neither negative strides nor read-only memory."""
    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None]
    return F.interpolate(pixels, size, mode="bilinear", antialias=True).permute(0, 2, 3, 1)


class _Span:
    """Along one side: which stored pixels the crop keeps, to how many they are resized, and what is padded."""

    def __init__(self, start: int, stored: int, size: int, before: int, after: int):
        self.source = slice(start, start + stored)
        self.size = size
        self.padding = (before, after)


def _span(stored: int, resized: float, wanted: int, random: np.random.Generator) -> _Span:
    if resized >= wanted:
        kept = max(1, round(stored * wanted / resized))
        return _Span(int(random.integers(0, stored - kept + 1)), kept, wanted, 0, 0)
    size = max(1, round(resized))
    before = int(random.integers(0, wanted - size + 1))
    return _Span(0, stored, size, before, wanted - size - before)
