"""Crop, resize, flip and normalise frames that live on the device, a batch at a time.

The crops are those that `augment` draws. `augment.crop_frame` resizes one frame on the CPU and rounds to whole colours;
here a batch is resized by two matrix products and not rounded, so a pixel differs by at most one of 255 levels. Labels
are the same.
"""

from functools import cache

import torch
from torch import Tensor

from pipeline.data.augment import MEAN, SPREAD, Crop
from pipeline.data.base import IGNORE


def table(crops: list[Crop]) -> Tensor:
    """Return crops as numbers, Nx9: start, stored, size and before of the rows and of the columns, and the flip."""
    return torch.tensor([[*crop.rows[:4], *crop.columns[:4], crop.flip] for crop in crops])


def crop_images(images: Tensor, crops: Tensor, size: tuple[int, int]) -> Tensor:
    """Crop images (NxHxWx3 uint8) to `size`; return Nx3xhxw float32 in channels_last, normalised.

    `crops` are a `table` on the same device. Where a crop is larger than its frame, the pixels are the mean colour.
    """
    rows = _weights(crops[:, :4], images.shape[1], size[0])
    columns = _weights(crops[:, 4:8], images.shape[2], size[1])
    columns = torch.where(crops[:, 8, None, None] > 0, columns.flip(2), columns)
    pixels = rows[:, None] @ images.permute(0, 3, 1, 2).float() @ columns.transpose(1, 2)[:, None]
    inside = _inside(crops[:, :4], size[0])[:, :, None] & _inside(crops[:, 4:8], size[1])[:, None]
    mean, spread = _colours(images.device)
    return ((pixels / 255 - mean) / spread * inside[:, None]).contiguous(memory_format=torch.channels_last)


def crop_labels(labels: Tensor, crops: Tensor, size: tuple[int, int]) -> Tensor:
    """Crop labels (NxHxW uint8) to `size` in the same way, by the nearest pixel; return Nxhxw int64."""
    rows, columns = _nearest(crops[:, :4], size[0]), _nearest(crops[:, 4:8], size[1])
    columns = torch.where(crops[:, 8, None] > 0, labels.shape[2] - 1 - columns, columns)
    found = labels[torch.arange(len(labels), device=labels.device)[:, None, None], rows[:, :, None], columns[:, None]]
    inside = _inside(crops[:, :4], size[0])[:, :, None] & _inside(crops[:, 4:8], size[1])[:, None]
    return torch.where(inside, found.long(), IGNORE)


@cache
def _colours(device: torch.device) -> tuple[Tensor, Tensor]:
    """ImageNet's means and standard deviations as 3x1x1, copied once, because a copy waits for the step before."""
    return MEAN.to(device)[:, None, None], SPREAD.to(device)[:, None, None]


def _positions(spans: Tensor, wanted: int) -> Tensor:
    """The place of each pixel of a crop in what its frame is resized to, Nxwanted; outside it if there is padding."""
    return torch.arange(wanted, device=spans.device) - spans[:, 3, None]


def _inside(spans: Tensor, wanted: int) -> Tensor:
    positions = _positions(spans, wanted)
    return (positions >= 0) & (positions < spans[:, 2, None])


def _nearest(spans: Tensor, wanted: int) -> Tensor:
    """The stored pixel that each pixel of a crop takes its label from, as interpolation by "nearest-exact" does."""
    factor = spans[:, 1].float() / spans[:, 2].float()
    nearest = ((_positions(spans, wanted) + 0.5) * factor[:, None]).floor().long()
    return spans[:, 0, None] + nearest.clamp(torch.zeros_like(spans[:, 1, None]), spans[:, 1, None] - 1)


def _weights(spans: Tensor, stored: int, wanted: int) -> Tensor:
    """The weight of each stored pixel in each pixel of a crop, Nxwantedxstored: bilinear with torch's antialiasing."""
    factor = spans[:, 1].float() / spans[:, 2].float()
    centres = (_positions(spans, wanted) + 0.5) * factor[:, None]
    sources = torch.arange(stored, device=spans.device) - spans[:, 0, None]
    distances = (sources[:, None] + 0.5 - centres[:, :, None]).abs() / factor.clamp(min=1)[:, None, None]
    known = (sources >= 0) & (sources < spans[:, 1, None])
    weights = (1 - distances).clamp(min=0) * known[:, None]
    return weights / weights.sum(2, keepdim=True).clamp(min=1e-12)
