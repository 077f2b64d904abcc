"""The loop against training written out in tensor arithmetic; its loss, its order, its random numbers and its start."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.metrics import log_loss
from torch import nn
from torch.utils.data import TensorDataset

from pipeline.config import params
from pipeline.data.base import IGNORE
from pipeline.training import loop, losses

CLASSES = 3


class Constant(nn.Module):
    """The same scores at every pixel; the main ones, and in training mode one auxiliary output."""

    def __init__(self, *scores: list[float]):
        super().__init__()
        self.scores = nn.Parameter(torch.tensor(scores))

    def forward(self, images):
        outputs = [row[None, :, None, None].expand(len(images), -1, *images.shape[-2:]) for row in self.scores]
        return tuple(outputs) if len(outputs) > 1 else outputs[0]


class Linear(nn.Module):
    """A class score is a weighted sum of a pixel's channels; so is, by weights of its own, an auxiliary one."""

    auxiliary_weights = (0.4,)

    def __init__(self):
        super().__init__()
        self.main, self.auxiliary = (nn.Conv2d(3, CLASSES, 1, bias=False) for _ in range(2))
        for seed, layer in enumerate((self.main, self.auxiliary)):
            nn.init.normal_(layer.weight, generator=torch.Generator().manual_seed(seed))

    def forward(self, images):
        return self.main(images), self.auxiliary(images)


class Dropping(nn.Module):
    """A classifier behind batch norm and dropout."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(nn.BatchNorm2d(3), nn.Conv2d(3, 16, 1), nn.Dropout(0.5), nn.Conv2d(16, CLASSES, 1))

    def forward(self, images):
        return self.layers(images)


class Items(TensorDataset):
    """Asked for by (epoch, index), as frames are; `asked` keeps what for."""

    def __init__(self, *tensors):
        super().__init__(*tensors)
        self.asked = []

    def __getitem__(self, item):
        self.asked.append(item)
        return super().__getitem__(item[1])

    def batches(self):
        """Images and labels of each step so far, of two frames each."""
        order = [index for _, index in self.asked]
        return [[tensor[order[at : at + 2]] for tensor in self.tensors] for at in range(0, len(order), 2)]


@pytest.fixture
def data():
    """Four frames of noise, of which one row is ignored and in the first frame two."""
    random = torch.Generator().manual_seed(0)
    labels = torch.randint(CLASSES, (4, 5, 7), generator=random)
    labels[:, 0], labels[0, 1] = IGNORE, IGNORE
    return Items(torch.rand(4, 3, 5, 7, generator=random), labels)


@pytest.fixture
def run(data, tmp_path):
    """Train a model for some epochs and return the curve; a checkpoint that lies there is continued."""
    training = params.load().recipes["quick"].training

    def run(model, epochs=1, rate=1e-9, on_epoch=lambda row: None, seed=0, warmup=0, **changed):
        recipe = training.model_copy(update={"epochs": epochs, "batch_size": 2, "learning_rate": rate, **changed})
        checkpoint = loop.Checkpoint(tmp_path / "checkpoint.pt", "same")
        return loop.optimise(model, data, recipe, seed, checkpoint, on_epoch, warmup)

    return run


def expected(labels, scores):
    """The mean cross entropy over labelled pixels, by scikit-learn."""
    known = labels[labels != IGNORE].numpy()
    return log_loss(known, np.tile(torch.tensor(scores).softmax(0).numpy(), (len(known), 1)), labels=range(CLASSES))


RATE, POWER, MOMENTUM, WEIGHT_DECAY, WARMUP, EPOCHS = 0.5, 2.0, 0.8, 0.05, 2, 3


def rates(steps):
    """The rate of each step: it rises by a third of 0.5 a step to the third one, and falls with (1 - step/steps)^2."""
    return [RATE * (1 - step / steps) ** POWER * min(1, (step + 1) / 3) for step in range(steps)]


def gradient(weight, images, labels):
    """Of the mean cross entropy over the labelled pixels: each pixel's softmax minus its class, times its channels."""
    known = labels != IGNORE
    x, classes = images.permute(0, 2, 3, 1)[known], F.one_hot(labels[known], CLASSES)
    return ((x @ weight.T).softmax(1) - classes).T @ x / len(x)


def sgd(weight, batches, share):
    """The weight after one step a batch, by the rule in torch.optim.SGD's documentation; `share` is of the loss."""
    velocity = torch.zeros_like(weight)
    for rate, batch in zip(rates(len(batches)), batches, strict=True):
        velocity = MOMENTUM * velocity + share * gradient(weight, *batch) + WEIGHT_DECAY * weight
        weight = weight - rate * velocity
    return weight


def adamw(weight, batches, share):
    """The same by the rule in torch.optim.AdamW's documentation: the decay is apart from the gradient."""
    mean, square = torch.zeros_like(weight), torch.zeros_like(weight)
    for step, (rate, batch) in enumerate(zip(rates(len(batches)), batches, strict=True), start=1):
        slope = share * gradient(weight, *batch)
        mean = MOMENTUM * mean + (1 - MOMENTUM) * slope
        square = 0.999 * square + 0.001 * slope**2
        direction = mean / (1 - MOMENTUM**step) / ((square / (1 - 0.999**step)).sqrt() + 1e-8)
        weight = weight - rate * WEIGHT_DECAY * weight - rate * direction
    return weight


def test_the_recipe_names_the_loss(run, monkeypatch):
    monkeypatch.setitem(losses.LOSSES, "seven", lambda scores, labels: 7 + 0 * scores.sum())
    assert run(Constant([1.0, 0.0, 0.0]), loss="seven")["loss"].tolist() == [7]


@pytest.mark.parametrize("rule", [sgd, adamw])
def test_three_epochs_are_those_that_are_written_out(run, data, rule):
    """Momentum, weight decay, poly rate, warm-up, ignored pixels, and the auxiliary head's weight in the loss."""
    model = Linear()
    started = {name: value.detach()[:, :, 0, 0].clone() for name, value in model.named_parameters()}
    constants = {"optimiser": rule.__name__, "power": POWER, "momentum": MOMENTUM, "weight_decay": WEIGHT_DECAY}
    curve = run(model, EPOCHS, RATE, warmup=WARMUP, **constants)
    batches = data.batches()
    for name, share in (("main.weight", 1.0), ("auxiliary.weight", 0.4)):
        found = model.get_parameter(name)[:, :, 0, 0]
        torch.testing.assert_close(found, rule(started[name], batches, share), rtol=1e-4, atol=1e-5)
    assert curve["learning_rate"].tolist() == pytest.approx(rates(len(batches))[1::2])


def test_every_epoch_asks_for_every_frame_once_in_an_order_of_its_own_and_of_the_seed(run, data, tmp_path):
    orders = []
    for seed in (0, 0, 1):
        (tmp_path / "checkpoint.pt").unlink(missing_ok=True)
        data.asked.clear()
        run(Linear(), 5, seed=seed)
        assert [epoch for epoch, _ in data.asked] == [epoch for epoch in range(5) for _ in range(4)]
        orders.append([tuple(index for _, index in data.asked[at : at + 4]) for at in range(0, 20, 4)])
    assert all(sorted(order) == [0, 1, 2, 3] for order in orders[0])
    assert len(set(orders[0])) > 1
    assert orders[0] == orders[1] != orders[2]


def test_batch_norm_normalises_by_the_batch_and_keeps_running_statistics(run, data):
    model = nn.Sequential(nn.BatchNorm2d(3, affine=False), nn.Conv2d(3, CLASSES, 1))
    run(model, 2)
    mean, variance = torch.zeros(3), torch.ones(3)
    for images, _ in data.batches():
        mean = 0.9 * mean + 0.1 * images.mean((0, 2, 3))
        variance = 0.9 * variance + 0.1 * images.var((0, 2, 3))
    torch.testing.assert_close(model[0].running_mean, mean)
    torch.testing.assert_close(model[0].running_var, variance)


def test_auxiliary_losses_are_added_by_weight_and_the_accuracy_is_of_the_main_output(run, data):
    main, auxiliary = [0.0, 2.0, 0.0], [1.0, 0.0, 3.0]
    model = Constant(main, auxiliary)
    model.auxiliary_weights = (0.4,)
    curve = run(model)
    losses = [expected(labels, main) + 0.4 * expected(labels, auxiliary) for _, labels in data.batches()]
    assert curve["loss"].item() == pytest.approx(np.mean(losses), rel=1e-5)
    labels = data.tensors[1]
    assert curve["accuracy"].item() == pytest.approx(float((labels[labels != IGNORE] == 1).float().mean()))


def test_auxiliary_outputs_need_as_many_weights(run):
    with pytest.raises(ValueError, match="longer than"):
        run(Constant([0.0] * 3, [0.0] * 3))


def test_a_repeated_and_a_resumed_run_end_alike_whatever_drops_out_and_normalises(run, tmp_path):
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
        return {name: value.clone() for name, value in model.state_dict().items()}

    first = finish()
    for again in (finish(), finish(kill)):
        assert all(torch.equal(value, again[name]) for name, value in first.items())


def test_the_poly_rate_agrees_with_torch():
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.SGD([parameter], 0.2)
    scheduler = torch.optim.lr_scheduler.PolynomialLR(optimiser, total_iters=50, power=0.9)
    for step in range(50):
        assert loop.poly(step, 50, 0.2, 0.9) == pytest.approx(scheduler.get_last_lr()[0])
        optimiser.step()
        scheduler.step()
    assert [loop.poly(step, 10**9, 1.0, 0.9, warmup=4) for step in range(6)] == pytest.approx(
        [0.2, 0.4, 0.6, 0.8, 1, 1]
    )
