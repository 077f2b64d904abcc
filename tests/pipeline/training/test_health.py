"""What a training records of its health: against hand-worked modules, and without a trace in what is trained."""

import json
import math

import numpy as np
import pytest
import torch
from torch import nn

from pipeline.config import params
from pipeline.config.variants import Peer
from pipeline.training import health, loop
from pipeline.training import train as training
from pipeline.utils import weights
from tests.prepared_frames import write_prepared

CPU = torch.device("cpu")
CLASSES = ["a", "b", "c"]


class Gated(nn.Module):
    """Channels of ReLUs, one as a module in place and one as a function, and gates on the image's mean colours."""

    def __init__(self, factor: float):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(inplace=True))
        self.factor = factor
        with torch.no_grad():
            self.body[0].weight.zero_()
            self.body[0].bias.copy_(torch.tensor([-1.0, 1.0, 0.0, 2.0]))

    def forward(self, images):
        return self.body(images), torch.sigmoid(self.factor * images.mean((2, 3))), torch.relu(images)


def images() -> torch.Tensor:
    return torch.randn(6, 3, 5, 7, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("factor", [1.0, 400.0])
def test_gates_and_dead_channels_are_those_worked_out_by_hand(factor):
    """Over two batches, of which the last is shorter: numpy on all images at once."""
    shown = images()
    shown[:, 1] = -shown[:, 1].abs()
    found = health.look(Gated(factor), shown.split(4), CPU)
    assert found["dead_relu"] == pytest.approx({"body": 2 / 4, "the network": 1 / 3}, rel=1e-5)
    inputs = factor * shown.numpy().mean((2, 3), dtype=np.float64)
    gates = 1 / (1 + np.exp(-inputs))
    assert found["gates"]["the network"] == pytest.approx(
        {
            "saturated": np.mean((gates < 0.05) | (gates > 0.95)),
            "between_images": gates.std(axis=0).mean(),
            "input": inputs.std(),
        },
        rel=1e-4,
    )


class Open(nn.Module):
    """Gates without a sigmoid, by a method."""

    def gates(self, features):
        return 1 + features.mean((2, 3), keepdim=True)

    def forward(self, features):
        return features * self.gates(features)


def test_gates_without_a_sigmoid_are_what_their_method_gives():
    found = health.look(nn.Sequential(Open()), images().split(4), CPU)["gates"]
    expected = images().numpy().mean((2, 3)).std(axis=0).mean()
    assert found == {"0": {"between_images": pytest.approx(expected, rel=1e-4)}}


def test_a_channel_that_lives_in_one_frame_is_not_dead():
    shown = -torch.ones(3, 3, 4, 4)
    shown[2, 0, 1, 1] = 1
    assert health.look(Gated(1.0), shown.split(1), CPU)["dead_relu"]["the network"] == pytest.approx(2 / 3)


def test_parts_that_hold_no_numbers_are_named():
    model = nn.ModuleDict({"head": nn.BatchNorm2d(3), "tail": nn.BatchNorm2d(3), "whole": nn.BatchNorm2d(3)})
    model.forward = lambda images: model["whole"](images)
    model["head"].running_var[1] = math.inf
    model["tail"].weight.data[0] = math.nan
    assert health.look(model, [images()], CPU)["not_finite"] == {"weights": ["tail"], "statistics": ["head"]}


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("structure.networks.2.attention.back.weight", "attention of network 3"),
        ("structure.networks.0.backbone.enc2.0", "backbone of network 1"),
        ("structure.context.norm", "context"),
        ("decoder.classify.bias", "decoder"),
        ("encoder.0.1.weight", "encoder"),
        ("", "the network"),
    ],
)
def test_a_tensor_belongs_to_the_part_that_a_reader_knows(name, part):
    assert health.part(name) == part


class Loss(nn.Module):
    """Scores that are parameters: the gradient of cross entropy is known."""

    auxiliary_weights = (0.5,)

    def __init__(self):
        super().__init__()
        self.main, self.other = (nn.ParameterDict({"scores": nn.Parameter(torch.zeros(3))}) for _ in range(2))

    def forward(self, images):
        even = torch.zeros(len(images), 3, *images.shape[2:])
        return tuple(even + head["scores"][None, :, None, None] for head in (self.main, self.other))


def test_the_first_loss_and_its_gradients_are_those_of_cross_entropy():
    """Even scores of 3 classes, all pixels of class 0: the gradient is softmax minus truth, (-2, 1, 1)/3."""
    found = health.step(Loss(), images(), torch.zeros(6, 5, 7, dtype=torch.long), "cross-entropy", 0, CPU)
    assert found["loss"] == pytest.approx(1.5 * math.log(3), rel=1e-5) and found["guessing"] == found["loss"]
    norm = math.sqrt(6) / 3
    assert found["gradients"] == pytest.approx({"main": norm, "other": norm / 2}, rel=1e-5)


@pytest.fixture
def train(tmp_path):
    """Train a variant on 4 noisy frames, all of them in one batch; return result and weights."""
    random = np.random.default_rng(0)
    shown, labels = random.integers(0, 256, (4, 64, 64, 3), np.uint8), random.integers(0, 3, (4, 64, 64), np.uint8)
    write_prepared(tmp_path / "data", CLASSES, train=(shown, labels))
    recipe = (
        params.load()
        .recipes["quick"]
        .training.model_copy(
            update={
                "crop_size": (64, 64),
                "frame_size": (64, 64),
                "epochs": 2,
                "batch_size": 4,
                "learning_rate": 0.01,
                "warmup": 0,
            }
        )
    )

    def call(variant, on_epoch=lambda row: None, folder="run"):
        place = tmp_path / folder
        checkpoint = loop.Checkpoint(tmp_path / f"{folder}.pt", "same")
        result = training.train(recipe, variant, 0, tmp_path / "data", None, place, checkpoint, on_epoch)
        return result, weights.load(place / "weights.pt")["state"]

    return call


def test_the_record_is_of_the_training_itself_and_ready_for_json(train, tmp_path):
    result, _ = train(params.load().variants["d"])
    record, curve = result["health"], np.genfromtxt(tmp_path / "run/curve.csv", delimiter=",", names=True)
    assert record["first"]["loss"] == pytest.approx(curve["loss"][0], rel=1e-5), "the one step of the first epoch"
    assert record["last"]["loss"] == curve["loss"][-1]
    parts = {f"{part} of network {n}" for part in ("backbone", "attention") for n in (1, 2)} | {"decoder"}
    assert record["first"]["gradients"].keys() == record["last"]["gradients"].keys() == parts
    assert record["gates"].keys() == {"attention of network 1", "attention of network 2"}
    assert record["classes"] == 3 and record["frames"] == 4
    assert record["not_finite"] == {"weights": [], "statistics": []}
    assert json.loads(json.dumps(record, allow_nan=False)) == record


def test_watching_changes_no_bit_and_a_continued_training_records_the_same(train, monkeypatch):
    """Fast-SCNN has dropout and batch norm: a random number drawn or a statistic updated would show."""
    peer = Peer(peer="fast-scnn")
    result, watched = train(peer)

    class Killed(Exception):
        pass

    def kill(row):
        raise Killed

    with pytest.raises(Killed):
        train(peer, kill, "continued")
    continued, state = train(peer, folder="continued")
    assert continued["health"] == result["health"]
    monkeypatch.setattr(health, "step", lambda *_: {"gradients": {}})
    monkeypatch.setattr(health, "look", lambda *_: {})
    _, alone = train(peer, folder="alone")
    for other in (state, alone):
        assert all(torch.equal(watched[name], other[name]) for name in watched)
