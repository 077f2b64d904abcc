"""Images of single objects from the synthetic generator: pretraining data that needs no download."""

import numpy as np

from pipeline.data.sets.synthetic import CROP_CLASSES, crop

FIRST = {"train": 0, "val": 10_000_000}
"""Index of the first crop of each split.

The ranges are far apart, so that the splits share no crop and the size of one split does not change the other.
"""


class Crops:
    """`counts[split]` crops of `size` x `size` pixels per split. The classes alternate."""

    classes = CROP_CLASSES

    def __init__(self, seed: int, size: int, counts: dict[str, int]):
        self._seed, self._size, self._counts = seed, size, dict(counts)

    def names(self, split: str) -> list[str]:
        """Return the names of a split's crops, in order."""
        return [f"{split}_{number:05d}" for number in range(self._counts[split])]

    def read(self, split: str, index: int) -> tuple[np.ndarray, int]:
        """Draw crop `index` of a split. Returns the image (size x size x 3 uint8) and its class."""
        return crop(self._seed, FIRST[split] + index, self._size)
