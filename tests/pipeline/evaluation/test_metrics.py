"""Scores against scikit-learn, scipy, and what one counts by hand."""

import numpy as np
import pytest
from scipy import ndimage
from sklearn.metrics import accuracy_score, confusion_matrix, jaccard_score

from pipeline.data.base import IGNORE
from pipeline.evaluation import metrics

NAMES = [f"class {index}" for index in range(19)]


def random_pair(seed: int, present: list[int], ignored: float) -> tuple[np.ndarray, np.ndarray]:
    """A truth with some of the classes and ignored pixels, and a prediction that is often right."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(np.array(present, np.uint8), (3, 40, 50))
    prediction = np.where(rng.random(truth.shape) < 0.6, truth, rng.choice(np.array(present, np.uint8), truth.shape))
    return np.where(rng.random(truth.shape) < ignored, IGNORE, truth).astype(np.uint8), prediction


@pytest.mark.parametrize(
    ("present", "ignored"), [(list(range(19)), 0.0), (list(range(19)), 0.3), ([0, 3, 4, 18], 0.1), ([7], 0.5)]
)
def test_scores_are_scikit_learns_to_the_last_bit(present, ignored):
    truth, prediction = random_pair(len(present), present, ignored)
    prediction[0, 0, :5] = 1  # a class that only the prediction holds, on some scored pixel
    truth[0, 0, :5] = present[0]
    confusion = metrics.confusion(truth, prediction, 19)
    known, guessed = truth[truth != IGNORE], prediction[truth != IGNORE]
    assert confusion.dtype == np.int64
    assert np.array_equal(confusion, confusion_matrix(known, guessed, labels=range(19)))
    found = metrics.scores(confusion, NAMES)
    occurring = sorted({*known.tolist(), *guessed.tolist()})
    each = jaccard_score(known, guessed, labels=occurring, average=None)
    assert [found["iou"][NAMES[index]] for index in occurring] == each.tolist()
    assert found["miou"] == pytest.approx(jaccard_score(known, guessed, average="macro"), abs=1e-15)
    assert found["pixel_accuracy"] == accuracy_score(known, guessed)
    assert found["absent"] == [name for index, name in enumerate(NAMES) if index not in occurring]


def test_iou_by_hand_and_a_class_that_never_occurs_is_left_out_while_a_wrongly_predicted_one_scores_0():
    truth = np.array([[0, 0, 0, 1], [0, 1, 1, IGNORE]], np.uint8)
    prediction = np.array([[0, 0, 1, 1], [2, 1, 0, 3]], np.uint8)
    confusion = metrics.confusion(truth, prediction, 4)
    assert confusion.tolist() == [[2, 1, 1, 0], [1, 2, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    found = metrics.scores(confusion, ["road", "car", "sky", "bus"])
    assert found["iou"] == {"road": 2 / 5, "car": 2 / 4, "sky": 0.0, "bus": None}, "bus is predicted where ignored only"
    assert found["absent"] == ["bus"]
    assert found["miou"] == pytest.approx((2 / 5 + 2 / 4 + 0) / 3)
    assert found["pixel_accuracy"] == 4 / 7


def test_where_every_pixel_is_ignored_nothing_is_scored():
    confusion = metrics.confusion(np.full((4, 4), IGNORE, np.uint8), np.zeros((4, 4), np.uint8), 2)
    found = metrics.scores(confusion, ["road", "car"])
    assert not confusion.any() and found["miou"] is None and found["pixel_accuracy"] is None
    assert found["absent"] == ["road", "car"]


def test_the_border_band_on_a_picture_drawn_by_hand():
    truth = np.zeros((5, 8), np.uint8)
    truth[:, 4:] = 1
    for width in (1, 2, 3):
        band = metrics.border_band(truth, width)
        expected = [4 - width <= column < 4 + width for column in range(8)]
        assert band.tolist() == [expected] * 5, f"{width} pixels on either side"

    truth[:, 3] = IGNORE
    assert not metrics.border_band(truth, 3).any(), "a border against void is no border"
    assert not metrics.border_band(np.zeros((5, 8), np.uint8), 3).any(), "nor is the picture's edge"

    corner = np.zeros((7, 7), np.uint8)
    corner[3, 3] = 2
    assert metrics.border_band(corner, 1).sum() == 5, "the pixel and its four neighbours"
    assert metrics.border_band(corner, 2)[1:6, 1:6].sum() == 25 - 4, "steps go to eight neighbours"


def test_the_border_band_is_scipys_chessboard_distance():
    truth, _ = random_pair(0, [0, 1, 2], 0.2)
    truth = np.kron(truth[0], np.ones((6, 6), np.uint8))
    touching = metrics.border_band(truth, 1)
    for width in (2, 3, 7):
        near = ndimage.distance_transform_cdt(~touching, "chessboard") <= width - 1
        assert np.array_equal(metrics.border_band(truth, width), near)


def test_objects_without_instances_are_connected_regions_of_countable_classes():
    road, car, pole = 0, 1, 2
    truth = np.array(
        [
            [0, 1, 0, 0, 2],
            [1, 0, 0, 0, 2],
            [0, 0, 0, 1, 2],
            [255, 0, 0, 1, 2],
        ],
        np.uint8,
    )
    found = metrics.components(truth, [car, pole])
    assert not found[truth == road].any() and not found[truth == IGNORE].any()
    assert found[0, 1] == found[1, 0], "touching at a corner is touching"
    assert len(np.unique(found)) == 1 + 3, "two cars, of which one touches the pole, and the pole"
    prediction = np.where(truth == pole, road, truth)
    prediction[2, 3] = pole
    assert sorted(map(tuple, metrics.objects(truth, found, prediction).tolist())) == [
        (car, 2, 1),
        (car, 2, 2),
        (pole, 4, 0),
    ]


def test_an_objects_class_is_its_majority_label_and_its_ignored_pixels_do_not_count():
    instances = np.array([[0, 700, 700, 700, 65535, 65535]], np.uint16)
    truth = np.array([[3, 3, 4, 4, IGNORE, 5]], np.uint8)
    prediction = np.array([[3, 3, 4, 0, 5, 5]], np.uint8)
    assert metrics.objects(truth, instances, prediction).tolist() == [[4, 3, 2], [5, 1, 1]]
    nothing = metrics.objects(truth, np.zeros_like(instances), prediction)
    assert nothing.shape == (0, 3)


def test_recall_by_size_is_the_mean_over_the_objects_of_a_bin():
    rows = np.array([[0, 1, 64, 64], [0, 1, 10, 0], [1, 2, 65, 13], [2, 1, 1000, 999]])
    assert metrics.recall_by_size(rows, [256, 64]) == [
        {"above": 0, "upto": 64, "count": 2, "recall": 0.5},
        {"above": 64, "upto": 256, "count": 1, "recall": 0.2},
        {"above": 256, "upto": None, "count": 1, "recall": 0.999},
    ]
    empty = metrics.recall_by_size(np.empty((0, 4), np.int64), [64])
    assert [(row["count"], row["recall"]) for row in empty] == [(0, None), (0, None)]


def test_the_countable_classes_are_known_by_cityscapes_and_camvids_names():
    from pipeline.data.sets import camvid, cityscapes

    counted = {
        each.name
        for source in (camvid, cityscapes)
        for each in source.CLASSES
        if each.name.lower() in metrics.COUNTABLE
    }
    assert {name.lower() for name in counted} == metrics.COUNTABLE, "every name of the list is some class's name"
    assert {"Pole", "SignSymbol", "Bicyclist", "traffic light"} <= counted and not {"Road", "Tree", "wall"} & counted
