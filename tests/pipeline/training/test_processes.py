"""A batch taken in parts and by two processes on a CPU: against one process, against itself, and after a kill."""

import os
import signal

import pytest
import torch
from torch import nn
from torch.utils.data import Dataset

from pipeline.config import params
from pipeline.data.base import IGNORE
from pipeline.training import loop, processes
from pipeline.utils.errors import BadInput, Diverged
from tests.pipeline.training.test_loop import CLASSES, Dropping

RECIPE = params.load().recipes["quick"].training
EPOCHS = 3


class Frames(Dataset):
    """Sixteen frames that differ by epoch and index. Each has another number of ignored pixels; one has no other."""

    def __init__(self, fatal=None):
        self.fatal = fatal

    def __len__(self):
        return 16

    def __getitem__(self, item):
        epoch, index = item
        if self.fatal and epoch == 1 and os.getpid() != self.fatal and torch.distributed.get_rank() == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        random = torch.Generator().manual_seed(100 * epoch + index)
        labels = torch.randint(CLASSES, (6, 7), generator=random)
        labels.view(-1)[: 42 if index == 5 else 2 * index] = IGNORE
        return torch.rand(3, 6, 7, generator=random) * (1 + index), labels


class Deep(nn.Module):
    """Batch norm over maps and over one value per image, an auxiliary head, and a layer that is never used."""

    auxiliary_weights = (0.4,)

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 8, 1, bias=False), nn.BatchNorm2d(8))
        self.main, self.other, self.unused = (nn.Conv2d(8, CLASSES, 1) for _ in range(3))

    def forward(self, images):
        features = self.first(images)
        features = features * torch.sigmoid(self.gate(features))
        return self.main(features), self.other(features)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Train a model; return its weights and the curve. `name` is the checkpoint's."""
    monkeypatch.setattr(processes, "START", "fork")  # A new interpreter would take seconds to import torch.

    def run(name, model=None, data=None, on_epoch=lambda row: None, **changed):
        model = Deep() if model is None else model
        common = {"epochs": EPOCHS, "batch_size": 8, "learning_rate": 0.1, "optimiser": "sgd", "warmup": 0}
        recipe = RECIPE.model_copy(update=common | changed)
        checkpoint = loop.Checkpoint(tmp_path / f"{name}.pt", "same")
        curve = loop.optimise(model, data or Frames(), recipe, 0, checkpoint, on_epoch)
        return {name: value.clone() for name, value in model.state_dict().items()}, curve

    return run


def same(left, right):
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


def near(left, right):
    for name, value in left.items():
        torch.testing.assert_close(value, right[name], rtol=1e-4, atol=1e-5, msg=lambda said, name=name: name + said)


def test_two_processes_train_as_one_and_bit_for_bit_as_themselves(run):
    """Six steps of SGD with momentum: weights, running statistics, loss and accuracy."""
    alone, curve = run("alone")
    shared, other = run("shared", processes=2)
    near(shared, alone)
    assert not same(shared, alone), "if not a bit differs, nothing was shared"
    columns = ["epoch", "learning_rate", "accuracy", "skipped"]
    assert other[columns].equals(curve[columns])
    assert other["loss"].tolist() == pytest.approx(curve["loss"].tolist(), rel=1e-5)
    again, repeated = run("again", processes=2)
    assert same(again, shared) and repeated["loss"].equals(other["loss"])


def test_a_killed_process_ends_the_other_and_the_rest_continues_to_the_same_bits(run):
    undisturbed, _ = run("undisturbed", Dropping(), processes=2)
    with pytest.raises(BadInput, match="process 1 of the 2 that train was ended by SIGKILL.*continues from the last"):
        run("killed", Dropping(), Frames(fatal=os.getpid()), processes=2)
    assert not torch.multiprocessing.active_children()
    resumed, curve = run("killed", Dropping(), processes=2)
    assert same(resumed, undisturbed) and curve["epoch"].tolist() == list(range(EPOCHS))


def test_an_interruption_of_the_stage_ends_its_processes(run):
    def interrupt(row):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run("interrupted", on_epoch=interrupt, processes=2)
    assert not torch.multiprocessing.active_children()


def test_divergence_in_several_processes_is_told_as_in_one(run):
    with pytest.raises(Diverged, match="the learning rate 1e\\+30 is too high") as error:
        run("diverged", processes=2, learning_rate=1e30)
    assert [row["epoch"] for row in error.value.curve] == list(range(len(error.value.curve)))


@pytest.mark.parametrize("shares", [1, 2])
def test_a_batch_in_parts_is_the_whole_batch_but_for_batch_norm(run, shares):
    """The mean is over the labelled pixels of all parts, which have unequally many."""

    class Plain(nn.Conv2d):
        def __init__(self):
            torch.manual_seed(0)
            super().__init__(3, CLASSES, 3, padding=1)

    whole, _ = run("whole", Plain())
    parts, _ = run("parts", Plain(), accumulate=4, processes=shares)
    near(parts, whole)
    assert not same(parts, whole)


def test_parts_have_the_same_frames_for_any_number_of_processes(run):
    """With batch norm, which sees a part at a time, so that other parts would show."""
    near(run("shared", accumulate=2, processes=2)[0], run("alone", accumulate=2)[0])
    orders = []
    for count in (1, 2, 4):
        samplers = [loop.Epochs(19, 8, 0, 2, processes.Group(rank, count)) for rank in range(count)]
        steps = [torch.tensor([[index for _, index in step] for step in sampler]) for sampler in samplers]
        orders.append(torch.stack([step.reshape(2, 2, -1) for step in steps], dim=2).flatten(1))
    assert all(torch.equal(order, orders[0]) for order in orders)


def test_batches_that_have_no_equal_parts_are_refused():
    for changed in ({"accumulate": 3}, {"processes": 3}, {"accumulate": 4, "processes": 4}, {"accumulate": 8}):
        with pytest.raises(ValueError, match="batch_size 8 cannot be taken in accumulate"):
            type(RECIPE).model_validate(RECIPE.model_dump() | {"batch_size": 8} | changed)


def test_more_processes_than_gpus_are_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(BadInput, match="processes is 2, but there are only 1 GPUs"):
        next(processes.rows(loop.train, 2, ()))


def test_a_state_of_another_job_is_said_to_be_ignored(run, tmp_path, capsys):
    run("first", epochs=1)
    loop.optimise(
        Deep(), Frames(), RECIPE.model_copy(update={"epochs": 1, "batch_size": 8}), 0,
        loop.Checkpoint(tmp_path / "first.pt", "other"), lambda row: None,
    )  # fmt: skip
    assert "was left by other parameters, data, code, processes or another device" in capsys.readouterr().err
