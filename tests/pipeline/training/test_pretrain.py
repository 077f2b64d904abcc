"""Pretraining: what it trains on, what its top-1 is of, and what it hands on."""

import json

import numpy as np
import pandas as pd
import pytest
import torch

from models.initialisation import initialise
from models.network import Classifier
from pipeline.config import params
from pipeline.training.loop import CURVE, Checkpoint
from pipeline.training.pretrain import pretrain
from pipeline.utils import weights

RECIPE = params.load().recipes["quick"].pretraining.model_copy(update={"batch_size": 3})
RIGHT, VALIDATION = 3, 8


def classifier():
    """The network that pretraining starts from."""
    model = Classifier("xception-b")
    initialise(model, RECIPE.seed)
    return model


def predicted(model, images):
    """Classes of uint8 images, each by itself and by the running statistics, normalised by ImageNet's constants."""
    mean, deviation = (torch.tensor(each) for each in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    pixels = ((torch.from_numpy(images) / 255 - mean) / deviation).permute(0, 3, 1, 2)
    with torch.no_grad():
        return np.array([int(model.eval()(each[None]).argmax()) for each in pixels])


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Pretrain without training. Of the validation images three carry the class that the network gives them."""
    images = {
        split: np.random.default_rng(seed).integers(0, 256, (count, 64, 64, 3), np.uint8)
        for seed, (split, count) in enumerate({"train": 6, "val": VALIDATION}.items())
    }
    classes = predicted(classifier(), images["val"])
    labels = {"train": np.full(6, 7), "val": np.where(np.arange(VALIDATION) < RIGHT, classes, (classes + 1) % 1000)}
    entries = {split: {"count": len(each), "size": [64, 64], "names": []} for split, each in images.items()}
    for split in images:
        np.save(tmp_path / f"{split}.images.npy", images[split])
        np.save(tmp_path / f"{split}.labels.npy", labels[split].astype(np.int64))
    manifest = {"task": "classification", "classes": [{"name": "thing", "colour": [0, 0, 0]}], "splits": entries}
    (tmp_path / "manifest.json").write_text(json.dumps({"result": manifest}))
    given = []

    def loop(model, data, *rest):
        given.append(data)
        return pd.DataFrame(0.0, index=[0], columns=[*CURVE, "skipped", "seconds", "waited", "resident", "step"])

    monkeypatch.setattr("pipeline.training.pretrain.optimise", loop)
    result = pretrain(RECIPE, "xception-b", tmp_path, tmp_path / "out", Checkpoint(tmp_path / "c.pt", "same"))
    return result, given[0], weights.load(tmp_path / "out" / "weights.pt")


def test_top_1_is_of_the_validation_images_by_the_running_statistics(run):
    assert run[0]["top_1"] == RIGHT / VALIDATION


def test_it_trains_on_the_training_images_by_seed_epoch_and_image(run):
    _, data, _ = run
    assert len(data) == 6 and {data[0, index][1] for index in range(6)} == {7}
    assert torch.equal(data[1, 2][0], data[1, 2][0])
    assert not torch.equal(data[1, 2][0], data[0, 2][0])


def test_what_it_hands_on_is_the_network_with_its_fc_layer(run):
    kept = run[2]["state"]
    expected = classifier().network.state_dict()
    assert set(expected) - set(kept) == {"attention.back.weight", "attention.back.bias"}
    assert all(torch.equal(value, expected[name]) for name, value in kept.items())
    assert kept["attention.fc.weight"].shape == (1000, 128)
