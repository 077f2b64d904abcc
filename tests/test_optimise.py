"""The loop's loss, its random numbers and its start: networks with auxiliary heads, with dropout, and from scratch."""

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss
from torch import nn
from torch.utils.data import TensorDataset

from pipeline import optimise, params, weights
from pipeline.datasets.base import IGNORE
from pipeline.errors import BadInput
from pipeline.train import train
from tests.prepared_frames import write_prepared

CLASSES = 3


class Constant(nn.Module):
    """The same scores at every pixel; the main ones, and in training mode one auxiliary output."""

    def __init__(self, *scores: list[float]):
        super().__init__()
        self.scores = nn.Parameter(torch.tensor(scores))

    def forward(self, images):
        outputs = [row[None, :, None, None].expand(len(images), -1, *images.shape[-2:]) for row in self.scores]
        return tuple(outputs) if len(outputs) > 1 else outputs[0]


class Dropping(nn.Module):
    """A classifier behind dropout."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(nn.Conv2d(3, 16, 1), nn.Dropout(0.5), nn.Conv2d(16, CLASSES, 1))

    def forward(self, images):
        return self.layers(images)


class Items(TensorDataset):
    """Asked for by (epoch, index), as frames are."""

    def __getitem__(self, item):
        return super().__getitem__(item[1])


@pytest.fixture
def data():
    random = torch.Generator().manual_seed(0)
    labels = torch.randint(CLASSES, (4, 5, 7), generator=random)
    labels[:, 0] = IGNORE
    return Items(torch.rand(4, 3, 5, 7, generator=random), labels)


@pytest.fixture
def run(data, tmp_path):
    """Train a model for some epochs and return the curve; a checkpoint that lies there is continued."""
    training = params.load().recipes["quick"].training

    def run(model, epochs=1, rate=1e-9, on_epoch=lambda row: None):
        recipe = training.model_copy(update={"epochs": epochs, "batch": 2, "rate": rate})
        checkpoint = optimise.Checkpoint(tmp_path / "checkpoint.pt", "same")
        return optimise.optimise(model, data, recipe, 0, checkpoint, on_epoch)

    return run


def expected(labels, scores):
    """The mean cross entropy over labelled pixels, by scikit-learn."""
    known = labels[labels != IGNORE].numpy()
    return log_loss(known, np.tile(torch.tensor(scores).softmax(0).numpy(), (len(known), 1)), labels=range(CLASSES))


def test_auxiliary_losses_are_added_by_weight_and_the_accuracy_is_of_the_main_output(run, data):
    main, auxiliary = [0.0, 2.0, 0.0], [1.0, 0.0, 3.0]
    model = Constant(main, auxiliary)
    model.auxiliary_weights = (0.4,)
    curve = run(model)
    labels = data.tensors[1]
    assert curve["loss"].item() == pytest.approx(expected(labels, main) + 0.4 * expected(labels, auxiliary), rel=1e-5)
    assert curve["accuracy"].item() == pytest.approx(float((labels[labels != IGNORE] == 1).float().mean()))


def test_a_single_output_has_the_plain_loss(run, data):
    assert run(Constant([0.0, 2.0, 0.0]))["loss"].item() == pytest.approx(
        expected(data.tensors[1], [0.0, 2.0, 0.0]), rel=1e-5
    )


def test_auxiliary_outputs_need_as_many_weights(run):
    with pytest.raises(ValueError, match="longer than"):
        run(Constant([0.0] * 3, [0.0] * 3))


def test_dropout_is_the_same_in_a_repeated_and_in_a_resumed_run(run, tmp_path):
    class Killed(Exception):
        pass

    def kill(row):
        raise Killed

    def finish(*interruptions):
        (tmp_path / "checkpoint.pt").unlink(missing_ok=True)
        for interruption in interruptions:
            with pytest.raises(Killed):
                run(Dropping(), 3, 0.5, interruption)
        torch.manual_seed(1234)
        model = Dropping()
        torch.rand(len(interruptions) + 1)
        run(model, 3, 0.5)
        return model.layers[0].weight.detach().clone()

    first = finish()
    assert torch.equal(first, finish())
    assert torch.equal(first, finish(kill))


@pytest.fixture
def frames(tmp_path):
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (4, 64, 64, 3), dtype=np.uint8)
    labels = random.integers(0, CLASSES, (4, 64, 64), dtype=np.uint8)
    write_prepared(tmp_path / "data", ["a", "b", "c"], train=(images, labels))
    return tmp_path / "data"


def started(variant, frames, pretrained, folder):
    training = params.load().recipes["quick"].training
    recipe = training.model_copy(update={"input_size": (64, 64), "frame_size": (64, 64), "epochs": 1, "batch": 4})
    return train(recipe, variant, 0, frames, pretrained, folder, optimise.Checkpoint(folder / "c.pt", "same"))


def test_a_network_of_another_paper_trains_from_scratch(frames, tmp_path):
    peer = params.Peer(peer="fast-scnn")
    result = started(peer, frames, None, tmp_path / "run")
    assert result["loaded"] == [] and np.isfinite(result["loss"])
    kept = weights.load(tmp_path / "run" / "weights.pt")
    assert kept["made_for"] == {"variant": {"peer": "fast-scnn"}, "classes": 3}
    assert any(key.startswith("auxiliary.") for key in kept["state"])


def test_dfanet_trains_from_scratch_too(frames, tmp_path):
    assert started(params.load().variants["single"], frames, None, tmp_path / "run")["loaded"] == []


def test_a_network_of_another_paper_takes_no_backbone_of_dfanet(frames, tmp_path):
    with pytest.raises(BadInput, match="fast-scnn cannot start from .*train it in a study that trains from scratch"):
        started(params.Peer(peer="fast-scnn"), frames, tmp_path / "weights.pt", tmp_path / "run")
