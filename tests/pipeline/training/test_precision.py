"""Half precision on a CPU: what computes in it, which steps float16 skips, and what is blamed for an overflow."""

import functools
import math

import pytest
import torch
from torch import nn

from pipeline.config import params
from pipeline.data.base import IGNORE
from pipeline.training import loop
from pipeline.utils import device as devices
from pipeline.utils.errors import Diverged
from tests.pipeline.training.test_loop import CLASSES, Items, Linear

RECIPE = params.load().recipes["quick"].training


@pytest.fixture
def run(tmp_path):
    """Train a model on four frames of noise, two in a step; return the curve."""
    random = torch.Generator().manual_seed(0)
    labels = torch.randint(CLASSES, (4, 5, 7), generator=random)
    labels[:, 0] = IGNORE
    frames = Items(torch.rand(4, 3, 5, 7, generator=random), labels)

    def run(model, precision, epochs=2, **changed):
        changes = {"epochs": epochs, "batch_size": 2, "learning_rate": 0.1, "precision": precision, "optimiser": "sgd"}
        checkpoint = loop.Checkpoint(tmp_path / f"{precision}.pt", repr(changes | changed))
        recipe = RECIPE.model_copy(update=changes | changed)
        return loop.optimise(model, frames, recipe, 0, checkpoint, lambda row: None)

    return run


@pytest.mark.parametrize(("precision", "tolerance"), [("float16", 2e-3), ("bfloat16", 2e-2)])
def test_convolutions_compute_in_half_and_weights_stay_near_those_of_float32(run, precision, tolerance, monkeypatch):
    scaler = functools.partial(torch.amp.GradScaler, init_scale=128.0)
    monkeypatch.setattr(torch.amp, "GradScaler", scaler)
    half, single, seen = Linear(), Linear(), []
    half.main.register_forward_hook(lambda module, inputs, output: seen.append(output.dtype))
    curve = run(half, precision)
    assert set(seen) == {getattr(torch, precision)} and half.main.weight.dtype == torch.float32
    assert curve["skipped"].tolist() == [0, 0]
    run(single, "float32")
    assert not torch.equal(half.main.weight, single.main.weight)
    torch.testing.assert_close(half.main.weight, single.main.weight, rtol=0, atol=tolerance)


@pytest.mark.parametrize("optimiser", ["sgd", "adamw"])
def test_a_skipped_step_is_counted_and_changes_nothing(run, optimiser, monkeypatch):
    """The scale is too high for the first epoch, and halves in each step; a weight decay would show."""
    scaler = functools.partial(torch.amp.GradScaler, init_scale=2.0**24)
    monkeypatch.setattr(torch.amp, "GradScaler", scaler)
    model = Linear()
    started = {name: value.detach().clone() for name, value in model.named_parameters()}
    monkeypatch.setattr(torch, "empty_like", lambda tensor, **rest: torch.full_like(tensor, 1e20, **rest))
    curve = run(model, "float16", 6, optimiser=optimiser, weight_decay=0.1)
    assert curve["skipped"].tolist()[0] == 2 and 2 < curve["skipped"].sum() < 10
    assert curve["loss"].isna().sum() == (curve["skipped"] == 2).sum()
    for name, value in model.named_parameters():
        moved = (value - started[name]).abs().max()
        assert 0 < moved < 2, f"{name} moved by {moved}"


class Overflowing(nn.Module):
    """Scores that half precision cannot hold, of weights that it can."""

    def __init__(self):
        super().__init__()
        self.score = nn.Conv2d(3, CLASSES, 1)

    def forward(self, images):
        return self.score(6e4 * images) * 6e4


def test_an_overflow_of_float16_is_not_blamed_on_the_learning_rate_alone(run):
    with pytest.raises(Diverged, match=r"every step of epoch 0 overflowed float16 .* train with precision bfloat16"):
        run(Overflowing(), "float16", 1)
    assert math.isfinite(run(Overflowing(), "bfloat16", 1)["loss"][0])
    with pytest.raises(Diverged, match="the loss is nan in epoch .: the learning rate 1e\\+30 is too high"):
        run(Linear(), "float16", 30, learning_rate=1e30)


def test_a_record_says_what_was_computed_in(monkeypatch):
    conv = torch.backends.cudnn.conv.fp32_precision
    cpu, gpu = torch.device("cpu"), torch.device("cuda")
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "a GPU")
    assert devices.describe(cpu)["precision"] == "float32" and "repeatable" not in devices.describe(cpu)
    assert devices.describe(gpu)["repeatable"] == "within noise"
    assert devices.describe(cpu, "bfloat16")["precision"] == "mixed bfloat16"
    assert devices.describe(gpu, "float16")["precision"] == "mixed float16"
    for said, precision in (("tf32", "float32, convolutions in TF32"), ("ieee", "float32")):
        torch.backends.cudnn.conv.fp32_precision = said
        assert devices.describe(gpu)["precision"] == precision
    torch.backends.cudnn.conv.fp32_precision = conv
