"""Segmentation metrics in NumPy: confusion matrix, IoU, border band, and recall by object size.

A confusion matrix is CxC int64 in pixels, with rows truth and columns prediction. Ignored pixels are not counted.
"""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from pipeline.data.base import IGNORE
from pipeline.utils.confusion import recall_by_size as recall_by_size
from pipeline.utils.confusion import scores as scores

COUNTABLE = frozenset(
    ("person", "pedestrian", "rider", "bicyclist", "car", "truck", "bus", "train", "motorcycle", "bicycle")
    + ("pole", "traffic light", "traffic sign", "signsymbol")
)
"""Names of the Cityscapes and CamVid classes (lower case) whose connected regions are counted as objects.

They are the "things" of Cityscapes, and poles, lights and signs, which are thin, small and separate from each other.
Road, building, vegetation, fence and the like are "stuff": the size of a region depends on how much of it is in view.
"""


def confusion(truth: np.ndarray, prediction: np.ndarray, classes: int) -> np.ndarray:
    """Return the confusion matrix of two arrays of equal shape.

    `truth` holds class indices or `IGNORE`, and `prediction` holds class indices.
    """
    pairs = truth.astype(np.int32).ravel() * classes + prediction.ravel()
    # The pair of an ignored pixel is larger than those of the classes, so the slice drops it.
    return np.bincount(pairs, minlength=classes**2)[: classes**2].reshape(classes, classes).astype(np.int64)


def border_band(truth: np.ndarray, width: int) -> np.ndarray:
    """Return an HxW bool mask of the pixels of `truth` (HxW) within `width` pixels of a border between two classes.

    A border lies between two pixels that share a side and have different classes; these two pixels have distance 1.
    Further distances are chessboard distances, in steps to any of the eight neighbours. Borders with ignored pixels do
    not count, because the annotation ends there, not the object.
    """
    touching = np.zeros(truth.shape, np.uint8)
    for one, other in ((np.s_[1:], np.s_[:-1]), (np.s_[:, 1:], np.s_[:, :-1])):
        differs = (truth[one] != truth[other]) & (truth[one] != IGNORE) & (truth[other] != IGNORE)
        touching[one] |= differs
        touching[other] |= differs
    return ndimage.maximum_filter(touching, 2 * width - 1, mode="constant").astype(bool)


def components(truth: np.ndarray, countable: Sequence[int]) -> np.ndarray:
    """Return objects of `truth` (HxW) as HxW int32, for data sets without instances: 0 or the number of a region.

    Regions are 8-connected. `countable` holds the indices of the classes that have objects. Two touching cars form one
    region, and a car behind a pole forms two. Sizes are therefore comparable within a data set, but not with annotated
    instances.
    """
    found, count = np.zeros(truth.shape, np.int32), 0
    for index in countable:
        where = truth == index
        if not where.any():
            continue
        regions, number = ndimage.label(where, structure=np.ones((3, 3)))
        found[where] = regions[where] + count
        count += number
    return found


def objects(truth: np.ndarray, instances: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """Return one row (class, pixels, correct pixels) per object of one image, by object number: (M, 3) int64.

    `instances` is 0 where there is no object. The class of an object is the most frequent one among its pixels, or the
    lowest in case of a tie. Ignored pixels do not count.
    """
    inside = (instances != 0) & (truth != IGNORE)
    numbers, which = np.unique(instances[inside], return_inverse=True)
    labels, right = truth[inside], truth[inside] == prediction[inside]
    votes = np.zeros((len(numbers), IGNORE), np.int64)
    np.add.at(votes, (which, labels), 1)
    correct = np.bincount(which, weights=right, minlength=len(numbers)).astype(np.int64)
    return np.column_stack([votes.argmax(1), votes.sum(1), correct])
