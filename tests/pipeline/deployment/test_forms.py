"""Deployment forms compute what eager mode does, and say so; what a machine lacks is skipped with its reason."""

import pytest
import torch
from torch import nn

from models.aspp import ASPP
from models.layers import ConvNorm, SeparableConv
from pipeline.config import params
from pipeline.config.protocols import Latency
from pipeline.deployment import forms
from pipeline.deployment.folding import fold
from pipeline.timing.modes import Mode
from pipeline.utils.errors import BadInput

pytestmark = pytest.mark.usefixtures("torch_as_before")
FEW = Latency(warmup=0, rounds=2, samples=1, threads=1, seed=0, stability=0.1, cpu_pixels=8192)


class Shared(nn.Module):
    """A convolution whose output two norms read: neither may be folded into it."""

    def __init__(self):
        super().__init__()
        self.conv, self.one, self.other = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.BatchNorm2d(4)

    def forward(self, x):
        x = self.conv(x)
        return self.one(x) + self.other(x)


def trained(model):
    """Norms with statistics and weights of their own, in double precision."""
    torch.manual_seed(0)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 2)
            nn.init.normal_(module.bias)
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 2)
    return model.double().eval()


@pytest.mark.parametrize(
    ("model", "left"),
    [
        (ConvNorm(3, 5, 3, stride=2), 0),
        (SeparableConv(3, 4), 0),
        (nn.Sequential(nn.ConvTranspose2d(3, 6, 3, stride=2), nn.BatchNorm2d(6)), 0),
        (nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(), nn.BatchNorm2d(4)), 1),
        (ASPP(3, 4), 1),
        (Shared(), 2),
    ],
)
def test_folding_keeps_the_scores_and_leaves_norms_that_follow_no_convolution(model, left):
    image = torch.randn(2, 3, 16, 24, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    model = trained(model)
    with torch.no_grad():
        expected = model(image)
        torch.testing.assert_close(fold(model, image[:1])(image), expected)
    assert sum(isinstance(module, nn.BatchNorm2d) for module in model.modules()) == left


@pytest.mark.parametrize("name", ["a", "d"])
def test_no_norm_is_left_in_dfanet(name):
    from models.build import build

    model = trained(build(params.load().variants[name].model_dump(), 5))
    image = torch.randn(1, 3, 64, 96, dtype=torch.float64)
    with torch.no_grad():
        expected = model(image)
        torch.testing.assert_close(fold(model, image)(image), expected)
    assert not [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]


@pytest.fixture
def timed(monkeypatch, cpu_alone):
    def run(*modes):
        monkeypatch.setattr(forms, "CPU_FORMS", modes)
        return forms.time_forms(FEW, "single", params.load().variants["single"], 5, (64, 96))

    return run


def test_each_form_is_a_row_that_says_how_far_it_is_from_eager_mode(timed):
    found = timed(Mode("eager"), Mode("folded", form=fold), Mode("exported", form=forms.exported))
    assert [row["mode"] for row in found["rows"]] == ["eager", "folded", "exported"]
    assert all(row["agrees"] and row["difference"] < 1e-4 for row in found["rows"]), found["rows"]
    assert found["skipped"] == []


def test_a_form_with_other_scores_does_not_agree(timed):
    def wrong(model, image):
        return lambda image: model(image) * 1.01

    found = timed(Mode("eager"), Mode("wrong", form=wrong))
    assert [row["agrees"] for row in found["rows"]] == [True, False]


def test_a_form_that_cannot_be_made_is_skipped_with_its_reason(timed):
    def broken(model, image):
        raise BadInput("no compiler here\nand a long explanation")

    found = timed(Mode("eager"), Mode("broken", form=broken))
    assert [row["mode"] for row in found["rows"]] == ["eager"]
    assert found["skipped"] == [{"mode": "broken", "reason": "no compiler here"}]


def test_onnx_runtime_agrees(timed):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    (row,) = timed(Mode("ONNX Runtime", layout=torch.contiguous_format, form=forms.onnx_runtime))["rows"]
    assert row["agrees"] and 0 < row["difference"] < 1e-3
