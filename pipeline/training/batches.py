"""The batches of an epoch, from loader processes or this one, and how long training waited for them."""

import time
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from pipeline.utils import device as devices


class Batches:
    """Iterate over it once per epoch; `waited` is then the number of seconds until each batch was there, in sum."""

    def __init__(self, data: Dataset, sampler: Sampler, device: torch.device, processes: int = 1):
        options = devices.loading(device, processes)
        # Workers that persist take the next epoch from the batches of (epoch, index) that `sampler` asks them for.
        options["persistent_workers"] = options["num_workers"] > 0
        self._loader = DataLoader(data, batch_sampler=sampler, generator=torch.Generator(), **options)
        self.waited = 0.0

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        # By default a loader takes the seed of its workers from the numbers that dropout uses, whenever it starts them.
        # Taken here instead, dropout is the same in a resumed run, and for any number of workers.
        torch.empty((), dtype=torch.int64).random_()
        self.waited, started = 0.0, time.perf_counter()
        for batch in self._loader:
            self.waited += time.perf_counter() - started
            yield batch
            started = time.perf_counter()
