"""Generated street scenes with the classes of Cityscapes: the data set that needs no download.

Scores on these scenes show that the pipeline works and how variants compare on them. They do not reproduce the paper.
"""

import numpy as np

from pipeline.data.base import Sample
from pipeline.data.scenes.layout import panels_of
from pipeline.data.scenes.noise import Dice
from pipeline.data.scenes.portrait import draw_portrait
from pipeline.data.scenes.street import draw_street, draw_void, plan_street
from pipeline.data.sets.cityscapes import CLASSES
from pipeline.utils.errors import BadInput

SMALLEST, LARGEST = 64, 2048
"""Smallest and largest allowed number of rows or columns of a scene."""

CROP_SIZES = (32, 128)
"""Smallest and largest allowed size of a crop."""

CROP_CLASSES = CLASSES
"""Classes of the crops. All classes are included, so that the class of a crop is a train id."""

SPLITS = ("train", "val", "test")
SPLIT_STRIDE = 100_000
"""The scene indices of split number i start at i times this number, so that splits never share a scene."""

SCENE, CROP = 1, 2
"""Identifiers that keep the random streams of scenes and crops apart."""


def render(seed: int, index: int, height: int, width: int) -> Sample:
    """Draw scene `index`: the same bytes on every machine, and the same scene at every size.

    Labels are train ids. People, vehicles, two-wheelers, poles, lights and signs have instances. Raises `BadInput` if
    the height or width is not within 64 to 2048.
    """
    if not all(SMALLEST <= side <= LARGEST for side in (height, width)):
        raise BadInput(
            f"a synthetic scene of {width}x{height} pixels cannot be drawn; "
            f"choose a width and a height from {SMALLEST} to {LARGEST}"
        )
    dice = Dice(SCENE, seed, index)
    street = plan_street(dice)
    canvas = draw_street(street, panels_of(dice, street.camera, street.ground), height, width)
    draw_void(canvas, street)
    return Sample(canvas.develop(street.light, street.seed), canvas.label, canvas.things)


def crop(seed: int, index: int, size: int) -> tuple[np.ndarray, int]:
    """Draw one class in front of a street; return the image (size x size x 3 uint8) and the index of the class.

    The classes of `CROP_CLASSES` alternate, so any range of indices is balanced. Raises `BadInput` if the size is not
    within 32 to 128.
    """
    if not CROP_SIZES[0] <= size <= CROP_SIZES[1]:
        raise BadInput(
            f"a synthetic crop of {size} pixels cannot be drawn; choose a size from {CROP_SIZES[0]} to {CROP_SIZES[1]}"
        )
    class_id = index % len(CROP_CLASSES)
    return draw_portrait(Dice(CROP, seed, index), CROP_CLASSES[class_id].name, size), class_id


class Synthetic:
    """`counts[split]` scenes per split, drawn on access. A frame is named `{split}_{number}`."""

    classes = CLASSES

    def __init__(self, seed: int, height: int, width: int, counts: dict[str, int]):
        for split, count in counts.items():
            if split not in SPLITS or not 0 < count <= SPLIT_STRIDE:
                raise BadInput(
                    f"{count} synthetic scenes for the split {split} cannot be drawn; "
                    f"choose 1 to {SPLIT_STRIDE} scenes for any of {', '.join(SPLITS)}"
                )
        self._seed, self._height, self._width, self._counts = seed, height, width, dict(counts)

    def names(self, split: str) -> list[str]:
        """Return the sorted frame names of a split."""
        return [f"{split}_{number:05d}" for number in range(self._count(split))]

    def read(self, split: str, name: str) -> Sample:
        """Draw one frame. Raises `BadInput` if the split has no frame of that name."""
        number = name.removeprefix(f"{split}_")
        if not number.isdecimal() or int(number) >= self._count(split):
            raise BadInput(
                f"the synthetic frame {name} is not in the split {split}; "
                f"choose a frame from {split}_00000 to {split}_{self._count(split) - 1:05d}"
            )
        return render(self._seed, scene_index(split, int(number)), self._height, self._width)

    def _count(self, split: str) -> int:
        if split not in self._counts:
            raise BadInput(f"the synthetic split {split} has no scenes; choose from {', '.join(self._counts)}")
        return self._counts[split]


def scene_index(split: str, number: int) -> int:
    """Return the scene index of frame `number` of a split."""
    return SPLITS.index(split) * SPLIT_STRIDE + number
