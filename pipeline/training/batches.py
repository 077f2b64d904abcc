"""The batches of an epoch, from the device's memory, loader processes or this one, and how long training waited."""

import math
import shutil
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from pipeline.data import on_device
from pipeline.utils import device as devices
from pipeline.utils.files import size

Batch = tuple[Tensor, Tensor]
"""Images and labels."""
SHARE = 0.25
"""Most of a GPU's free memory that frames may take. The rest is for training."""
SHARED, SHARED_SHARE = Path("/dev/shm"), 0.5
"""Memory through which loader processes hand over batches, and most of what is free there that these may take."""
READY, PIXEL = 2, 3 * 4 + 8
"""Batches that each process keeps ready, and the bytes of a pixel: three channels in float32, and an int64 label."""


class Batches:
    """Iterate over it once per epoch; `waited` is then the number of seconds until each batch was there, in sum.

    On a GPU, frames that fit into its memory stay there (`resident`).
    """

    def __init__(self, data: Dataset, sampler: Sampler, device: torch.device, processes: int = 1):
        self.resident, self.waited = fits(data, device), 0.0
        self._batches = Resident(data, sampler, device) if self.resident else _loader(data, sampler, device, processes)

    def __iter__(self) -> Iterator[Batch]:
        # By default a loader takes the seed of its workers from the numbers that dropout uses, whenever it starts them.
        # Taken here instead, dropout is the same in a resumed run, and for any number of workers.
        torch.empty((), dtype=torch.int64).random_()
        self.waited, started = 0.0, time.perf_counter()
        for batch in self._batches:
            self.waited += time.perf_counter() - started
            yield batch
            started = time.perf_counter()


def fits(data: Dataset, device: torch.device) -> bool:
    """Whether all of `data` are arrays of one size that fit into the memory of a GPU."""
    parts = getattr(data, "parts", [])
    if device.type != "cuda" or not parts or not all(hasattr(images, "nbytes") for images, _ in parts):
        return False
    needed = sum(images.nbytes + labels.nbytes for images, labels in parts)
    return needed <= SHARE * torch.cuda.mem_get_info()[0] and len({images.shape[1:] for images, _ in parts}) == 1


class Resident:
    """Batches of frames that are on the device. `data` has `parts` (images and labels), `size`, and `draw(item)`."""

    def __init__(self, data: Dataset, sampler: Iterable[list[tuple[int, int]]], device: torch.device):
        self.data, self.sampler, self.device = data, sampler, device
        both = zip(*data.parts, strict=True)
        self.images, self.labels = (
            torch.cat([torch.from_numpy(part[:].copy()).to(device) for part in parts]) for parts in both
        )
        print(f"the frames ({size(self.images.nbytes)}) are kept in the device's memory", file=sys.stderr, flush=True)

    def __iter__(self) -> Iterator[Batch]:
        for items in self.sampler:
            chosen = self._sent(torch.tensor([index for _, index in items]))
            crops = self._sent(on_device.table([self.data.draw(item) for item in items]))
            labels = self.labels[chosen]
            if labels.dim() > 1:
                labels = on_device.crop_labels(labels, crops, self.data.size)
            yield on_device.crop_images(self.images[chosen], crops, self.data.size), labels

    def _sent(self, numbers: Tensor) -> Tensor:
        """Copy to the device from pinned memory, so that this process does not wait for the step before."""
        return (numbers.pin_memory() if self.device.type == "cuda" else numbers).to(self.device, non_blocking=True)


def _loader(data: Dataset, sampler: Sampler, device: torch.device, processes: int) -> DataLoader:
    options = devices.loading(device, processes)
    if options["num_workers"] and SHARED.exists() and hasattr(data, "size"):
        needed = READY * len(next(iter(sampler))) * math.prod(data.size) * PIXEL
        options["num_workers"] = _fitting(options["num_workers"], needed, shutil.disk_usage(SHARED).free // processes)
    # Workers that persist take the next epoch from the batches of (epoch, index) that `sampler` asks them for.
    options["persistent_workers"] = options["num_workers"] > 0
    return DataLoader(data, batch_sampler=sampler, generator=torch.Generator(), **options)


def _fitting(workers: int, needed: int, free: int) -> int:
    """How many of the loader processes have room in the shared memory, of which each needs so many bytes."""
    most = int(SHARED_SHARE * free // needed)
    if most < workers:
        print(
            f"{most} processes load frames instead of {workers}: each keeps {size(needed)} of batches ready in "
            f"{SHARED}, which has {size(free)} free; make it larger if training waits for data",
            file=sys.stderr,
            flush=True,
        )
    return min(workers, most)
