"""The floor learns what colour and position say, and no more."""

import numpy as np
import pytest
from sklearn.metrics import jaccard_score

from pipeline.config import params
from pipeline.data.base import IGNORE
from pipeline.evaluation import floor as stage
from pipeline.evaluation.floor import cells, fit, grow, sample, score, tabulate
from pipeline.utils.errors import BadInput
from tests.prepared_frames import write_prepared

NAMES = ["road", "car", "sky"]
FLOOR = params.load().floor.model_copy(update={"pixels": 6000, "trees": 10})
TRAINING = params.load().recipes["quick"].training.model_copy(update={"splits": ["train", "val"], "score": "test"})
SIZE = (48, 64)


def noise(seed: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Pictures and labels that have nothing to do with each other; two thirds are road."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (count, *SIZE, 3), np.uint8)
    return images, rng.choice(np.array([0, 0, 0, 0, 1, 2], np.uint8), (count, *SIZE))


def by_colour(seed: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    images, _ = noise(seed, count)
    return images, images.argmax(-1).astype(np.uint8)


def by_position(seed: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    images, labels = noise(seed, count)
    labels[:] = 0
    labels[:, :16], labels[:, 16:, 32:] = 2, 1
    return images, labels


def prepared(folder, make):
    return write_prepared(folder, NAMES, train=make(0, 4), val=make(1, 2), test=make(2, 3))


def test_it_learns_from_colour_and_from_position(tmp_path):
    for make in (by_colour, by_position):
        prepared(tmp_path / make.__name__, make)
        assert fit(FLOOR, TRAINING, tmp_path / make.__name__)["miou"] > 0.8


def test_where_neither_says_anything_it_is_near_the_majority_class(tmp_path):
    data = prepared(tmp_path, noise)
    result = fit(FLOOR, TRAINING, tmp_path)
    labels = data.labels("test").ravel()
    assert result["majority"]["class"] == "road"
    road = np.zeros_like(labels)
    assert result["majority"]["miou"] == pytest.approx(jaccard_score(labels, road, average="macro", zero_division=0))
    assert result["majority"]["pixel_accuracy"] == (labels == 0).mean()
    assert result["miou"] == pytest.approx(result["majority"]["miou"], abs=0.12)


def test_the_record_says_on_what_and_from_how_many_pixels(tmp_path):
    prepared(tmp_path, by_colour)
    result = fit(FLOOR, TRAINING, tmp_path)
    assert (result["split"], result["frames"], result["pixels"]) == ("test", 3, 6000)
    assert result["features"] == ["r", "g", "b", "row", "column"]
    assert set(result["iou"]) == set(NAMES) and result["absent"] == []
    again = fit(FLOOR, TRAINING, tmp_path)
    assert {**again, "seconds": 0} == {**result, "seconds": 0}, "the same numbers every time"


def test_every_labelled_pixel_is_scored_by_the_forests_own_decision(tmp_path):
    images, labels = by_colour(2, 3)
    labels[:, :5] = IGNORE
    data = write_prepared(tmp_path, NAMES, train=by_colour(0, 4), val=by_colour(1, 1), test=(images, labels))
    forest = grow(FLOOR, *sample(data, ["train", "val"], 6000, 0))
    confusion = score(tabulate(forest, data.images("test")), data, "test")
    places = np.stack([cells(image) for image in images])
    decided = forest.predict(np.column_stack(np.unravel_index(places.ravel(), stage.LEVELS))).reshape(labels.shape)
    assert confusion.sum() == (labels != IGNORE).sum()
    assert np.trace(confusion) == (decided == labels).sum()


def test_cells_are_of_the_colour_and_the_place():
    image = np.zeros((64, 96, 3), np.uint8)
    image[63, 95] = (255, 255, 255)
    image[0, 0] = (200, 100, 0)
    parts = np.stack(np.unravel_index(cells(image), stage.LEVELS), -1)
    assert parts[63, 95].tolist() == [31, 32, 32, 31, 31]
    assert parts[0, 0].tolist() == [300 // 24, 63, 0, 0, 0], "far from grey, differences end"
    assert parts[32, 48].tolist() == [0, 32, 32, 16, 16]


def test_what_it_learns_is_of_the_training_splits_and_its_scores_are_of_the_other(tmp_path):
    """Colour means another class in the scored split, so that a forest that knows nothing of it is always wrong."""
    images, labels = by_colour(2, 3)
    write_prepared(tmp_path, NAMES, train=by_colour(0, 4), val=by_colour(1, 2), test=(images, (labels + 1) % 3))
    result = fit(FLOOR, TRAINING, tmp_path)
    assert result["pixel_accuracy"] < 0.1


def test_ignored_pixels_are_not_learnt_from(tmp_path):
    images, labels = noise(0, 4)
    write_prepared(tmp_path, NAMES, train=(images, np.full_like(labels, IGNORE)), test=noise(2, 1))
    with pytest.raises(BadInput, match="has no labelled pixel in train; use another of its splits"):
        fit(FLOOR, TRAINING.model_copy(update={"splits": ["train"]}), tmp_path)


def test_a_split_that_is_not_there_is_named(tmp_path):
    write_prepared(tmp_path, NAMES, train=noise(0, 1), test=noise(2, 1))
    with pytest.raises(BadInput, match="has no split val, only train, test"):
        fit(FLOOR, TRAINING, tmp_path)
