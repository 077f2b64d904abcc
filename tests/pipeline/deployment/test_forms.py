"""Deployment forms compute what eager mode does, and say so; what a machine lacks is skipped with its reason."""

import numpy as np
import pytest
import torch
from torch import nn

from analysis.results import latency
from models.aspp import ASPP
from models.build import build
from models.folding import fold
from models.layers import ConvNorm, SeparableConv
from pipeline.config import params
from pipeline.config.protocols import Latency
from pipeline.deployment import formats, forms
from pipeline.deployment.form_scores import Trained
from pipeline.deployment.fusing import fuse
from pipeline.evaluation import evaluate
from pipeline.timing import modes
from pipeline.timing.modes import Mode
from pipeline.utils import weights
from pipeline.utils.errors import BadInput
from tests.prepared_frames import write_prepared

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


class Sums(nn.Module):
    """Convolutions whose outputs are read twice, or added to another shape: none may be fused but the last."""

    def __init__(self):
        super().__init__()
        self.one, self.two, self.three, self.last = (nn.Conv2d(3, 3, 1) for _ in range(4))

    def forward(self, x):
        once = self.one(x)
        twice = torch.relu(once) + once
        spread = torch.relu(self.two(x) + self.three(x).mean((2, 3), keepdim=True))
        return torch.relu(self.last(x) + twice) * spread


@pytest.fixture
def fused_kernels():
    """Compute cuDNN's fused operations on the CPU, and list the output channels of each call."""
    called = []

    def relu(image, weight, bias, *options):
        called.append(weight.shape[0])
        return nn.functional.conv2d(image, weight, bias, *options).relu()

    def add_relu(image, weight, added, alpha, bias, *options):
        called.append(weight.shape[0])
        return (nn.functional.conv2d(image, weight, bias, *options) + alpha * added).relu()

    library = torch.library.Library("aten", "IMPL")
    library.impl("cudnn_convolution_relu", relu, "CPU")
    library.impl("cudnn_convolution_add_relu", add_relu, "CPU")
    yield called
    library._destroy()


@pytest.mark.parametrize(
    ("model", "fused"),
    [
        (ConvNorm(3, 5, 3, stride=2), 1),
        (SeparableConv(3, 4, depthwise_norm=True), 1),
        (nn.Sequential(nn.Conv2d(3, 6, 3, groups=3), nn.ReLU()), 0),
        (Sums(), 1),
        ("dfanet-a", 134),  # 92 with a ReLU, 42 with a sum and a ReLU
    ],
)
def test_fused_convolutions_keep_the_scores(fused_kernels, model, fused):
    side = 64 if isinstance(model, str) else 16
    image = torch.randn(1, 3, side, 2 * side, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    if isinstance(model, str):
        model = build(params.load().variants[model].model_dump(), 5)
    model = trained(model)
    with torch.no_grad():
        expected = model(image)
        changed = fuse(model, image)
        fused_kernels.clear()
        torch.testing.assert_close(changed(image), expected)
    assert len(fused_kernels) == fused
    if isinstance(model, SeparableConv):
        assert [node.args[2] for node in changed.graph.nodes if "conv2d" in str(node.target)] == [None], (
            "its bias moved"
        )


def test_without_a_kernel_nothing_is_fused():
    """As on a CPU, which has none of cuDNN's."""
    model, image = trained(ConvNorm(3, 5, 3)), torch.randn(1, 3, 16, 16, dtype=torch.float64)
    with torch.no_grad():
        expected = model(image)
        fused = fuse(model, image)
        torch.testing.assert_close(fused(image), expected)
    assert not [node for node in fused.graph.nodes if "cudnn" in str(node.target)]


@pytest.mark.parametrize("name", ["a", "d"])
def test_no_norm_is_left_in_dfanet(name):
    model = trained(build(params.load().variants[name].model_dump(), 5))
    image = torch.randn(1, 3, 64, 96, dtype=torch.float64)
    with torch.no_grad():
        expected = model(image)
        torch.testing.assert_close(fold(model, image)(image), expected)
    assert not [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]


@pytest.fixture
def timed(monkeypatch, cpu_alone):
    def run(*modes, trained=None):
        monkeypatch.setattr(forms, "CPU_FORMS", modes)
        return forms.time_forms(FEW, "single", params.load().variants["single"], 5, (64, 96), trained)

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


@pytest.fixture
def run_of(tmp_path):
    """A network with random weights, and frames whose labels are its own predictions, but for the upper half."""
    variant, random = params.load().variants["single"], np.random.default_rng(0)
    made_for = {"variant": variant.network, "classes": 5}
    model, image = modes.untrained(variant, 5, (64, 96), torch.device("cpu"))
    weights.save(tmp_path / "weights.pt", {"made_for": made_for, "state": model.state_dict()})
    frames = random.integers(0, 256, (3, 64, 96, 3), dtype=np.uint8)
    labels = np.stack([*evaluate.predict(model, frames, (64, 96), 1, torch.device("cpu"))])
    labels[:, :32] = 255
    write_prepared(tmp_path / "frames", list("abcde"), val=(frames, labels))
    return Trained(variant, tmp_path / "weights.pt", tmp_path / "frames", "val", (64, 96))


def test_a_form_is_scored_with_trained_weights_on_the_frames_of_the_split(run_of, timed):
    def wrong(model, image):
        return lambda image: model(image).roll(1, dims=1)

    found = timed(Mode("eager float32"), Mode("folded float32", form=fold), Mode("wrong", form=wrong), trained=run_of)
    eager, folded, rolled = (np.array(row["confusion"]) for row in found["rows"])
    assert (
        eager.sum() == eager.trace() == 3 * 32 * 96
    )  # the labels are the network's own, and ignored pixels are left out
    assert np.abs(eager - folded).sum() < 0.01 * eager.sum() and rolled.trace() == 0
    assert found["scored"] == {"split": "val", "frames": 3, "size": [64, 96]}
    gained = latency.frame(found, "single", "eager float32").set_index("mode")["miou_gained"]
    assert gained["eager float32"] == 0 and gained["wrong"] == -1


def test_openvino_agrees_and_its_bfloat16_is_named_so(timed):
    pytest.importorskip("openvino")
    modes = [mode for mode in forms.CPU_FORMS if mode.name.startswith("OpenVINO")]
    found = timed(*modes)
    assert [row["dtype"] for row in found["rows"]] == ["float32", "bfloat16"][: len(found["rows"])]
    assert found["rows"][0]["agrees"] and 0 < found["rows"][0]["difference"] < 1e-3


@pytest.mark.parametrize("name", ["folded bfloat16", "OpenVINO float32"])
def test_what_a_machine_lacks_is_said(timed, monkeypatch, name):
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False)
    monkeypatch.setattr(formats.importlib.util, "find_spec", lambda package: None)
    mode = next(mode for mode in forms.CPU_FORMS if mode.name == name)
    (skipped,) = timed(Mode("eager"), mode)["skipped"]
    reasons = {
        "folded bfloat16": "this processor has no instructions for bfloat16",
        "OpenVINO float32": "openvino requires openvino, but openvino is missing; run `pip install -e '.[openvino]'`",
    }
    assert skipped == {"mode": name, "reason": reasons[name]}


def test_onnx_runtime_agrees(timed):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    (row,) = timed(Mode("ONNX Runtime", layout=torch.contiguous_format, form=forms.onnx_runtime))["rows"]
    assert row["agrees"] and 0 < row["difference"] < 1e-3
