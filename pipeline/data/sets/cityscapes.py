"""Cityscapes: its 19 evaluated classes, and a reader for its official folder layout.

Cordts et al., "The Cityscapes Dataset for Semantic Urban Scene Understanding", CVPR 2016. Ids, train ids and colours
are those of `cityscapesscripts/helpers/labels.py`.
"""

from pathlib import Path

import numpy as np

from pipeline.data.base import IGNORE, Class, Sample, read_image, read_label
from pipeline.utils.errors import BadInput

SPLITS = ("train", "val")
"""Test labels are not published."""

CLASSES: tuple[Class, ...] = (
    Class("road", (128, 64, 128)),
    Class("sidewalk", (244, 35, 232)),
    Class("building", (70, 70, 70)),
    Class("wall", (102, 102, 156)),
    Class("fence", (190, 153, 153)),
    Class("pole", (153, 153, 153)),
    Class("traffic light", (250, 170, 30)),
    Class("traffic sign", (220, 220, 0)),
    Class("vegetation", (107, 142, 35)),
    Class("terrain", (152, 251, 152)),
    Class("sky", (70, 130, 180)),
    Class("person", (220, 20, 60)),
    Class("rider", (255, 0, 0)),
    Class("car", (0, 0, 142)),
    Class("truck", (0, 0, 70)),
    Class("bus", (0, 60, 100)),
    Class("train", (0, 80, 100)),
    Class("motorcycle", (0, 0, 230)),
    Class("bicycle", (119, 11, 32)),
)

LABEL_IDS = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)
"""The official label id of each class in `CLASSES`. All other ids are void."""

LAST_ID = 33
"""Official ids are 0 to 33. The id of licence plates, -1, is stored as 255."""

FIRST_INSTANCE = 1000
"""In instanceIds, object n of class `id` has the value `id * 1000 + n`. Smaller values are classes without objects."""

HOW_TO_GET = (
    "download leftImg8bit_trainvaltest.zip and gtFine_trainvaltest.zip from cityscapes-dataset.com (free "
    "registration), unpack both into one folder, and set data.cityscapes.directory in params.yaml or the environment "
    "variable CITYSCAPES_DIR to it"
)
UNPACK = "unpack both archives again"


def _train_id_table() -> np.ndarray:
    table = np.full(256, IGNORE, np.uint8)
    table[list(LABEL_IDS)] = np.arange(len(LABEL_IDS))
    return table


TRAIN_IDS = _train_id_table()
"""256 entries, uint8: the class index of each official label id, or `IGNORE` if the id is not evaluated."""


class Cityscapes:
    """Frames of `directory`, which contains `leftImg8bit/` and `gtFine/` from the official archives.

    A frame is named `{city}_{sequence}_{frame}`. Instances are read if `_gtFine_instanceIds.png` exists.
    """

    def __init__(self, directory: Path):
        self.directory = Path(directory)

    def names(self, split: str) -> list[str]:
        """Return the sorted frame names of `train`, `val` or `test`. Raises `BadInput` if there are none."""
        folder = self.directory / "leftImg8bit" / split
        if not folder.is_dir():
            raise BadInput(f"the Cityscapes folder {folder} is missing; {HOW_TO_GET}")
        ending = "_leftImg8bit.png"
        names = sorted(path.name.removesuffix(ending) for path in folder.glob(f"*/*{ending}"))
        if not names:
            raise BadInput(f"the Cityscapes folder {folder} contains no CITY/*{ending}; {HOW_TO_GET}")
        return names

    def read(self, split: str, name: str) -> Sample:
        """Return one frame at its stored size. Labels are class indices, and void is `IGNORE`."""
        image_path = self._path("leftImg8bit", split, name, "leftImg8bit")
        label_path = self._path("gtFine", split, name, "gtFine_labelIds")
        instance_path = self._path("gtFine", split, name, "gtFine_instanceIds")
        image = read_image(image_path)
        if not label_path.is_file():
            raise BadInput(f"the image {image_path} has no label {label_path}; {HOW_TO_GET}")
        label = _train_ids(label_path, image.shape[:2])
        instances = _objects(instance_path, label) if instance_path.is_file() else None
        return Sample(image, label, instances, label_path)

    def _path(self, kind: str, split: str, name: str, ending: str) -> Path:
        return self.directory / kind / split / name.split("_")[0] / f"{name}_{ending}.png"


FRAMES = Cityscapes


def _train_ids(path: Path, size: tuple[int, int]) -> np.ndarray:
    ids = read_label(path, size, UNPACK)
    wrong = sorted({int(value) for value in np.unique(ids)} - {*range(LAST_ID + 1), IGNORE})
    if wrong:
        raise BadInput(
            f"{path} contains the label id {wrong[0]}, but official ids are 0 to {LAST_ID}, or {IGNORE} for licence "
            "plates; unpack gtFine_trainvaltest.zip again and use its *_labelIds.png, not *_labelTrainIds or *_color"
        )
    return TRAIN_IDS[ids.astype(np.uint8)]


def _objects(path: Path, label: np.ndarray) -> np.ndarray:
    """Return the stored instance ids, which are unique per object, and 0 for pixels without an evaluated object."""
    ids = read_label(path, label.shape, UNPACK)
    if ids.max() >= (LAST_ID + 1) * FIRST_INSTANCE:
        raise BadInput(
            f"{path} contains the instance id {ids.max()}, but official ids end at {LAST_ID}999; "
            "unpack gtFine_trainvaltest.zip again"
        )
    return np.where((ids >= FIRST_INSTANCE) & (label != IGNORE), ids, 0).astype(np.uint16)
