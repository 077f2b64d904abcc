"""SegNet, ENet, ESPNet, SQ, FCN-8s and U-Net against what their papers publish; `pytest -rP` shows every figure."""

from importlib import import_module

import pytest
import torch
import torch.nn.functional as F

from models.build import build
from models.initialisation import initialise
from pipeline.complexity.macs import count_at

NAMES = ("segnet", "enet", "espnet", "espnet-c", "sq", "fcn-8s", "u-net")
CLASSES = 19


def on_meta(name, classes):
    with torch.device("meta"):
        return build({"peer": name}, classes).eval()


def parameters(name, classes):
    return sum(parameter.numel() for parameter in on_meta(name, classes).parameters())


def initialised(name, seed=0):
    model = build({"peer": name}, CLASSES)
    initialise(model, seed)
    return model


@pytest.mark.parametrize(
    ("name", "classes", "published", "tolerance"),
    [
        ("segnet", 11, 29.46e6, 0.001),  # ENet's Table 3
        ("enet", 11, 0.37e6, 0.02),  # ENet's Table 3; 0.363 without biases and without the encoder's own classifier
        (
            "espnet",
            20,
            0.364e6,
            0.005,
        ),  # PSPNet's 65.7 M / 180 (abstract); Figure 1 of CCC (Park et al. 2018)
        ("fcn-8s", 21, 134e6, 0.005),  # FCN's Table 1
        ("u-net", 2, 31.0e6, 0.002),  # by hand: 23 convolutions of Figure 1
    ],
)
def test_parameters(name, classes, published, tolerance):
    found = parameters(name, classes)
    print(f"{name}: published {published / 1e6} M parameters, counted {found / 1e6:.3f}")
    assert found == pytest.approx(published, rel=tolerance)


@pytest.mark.parametrize(
    ("name", "size", "classes", "published", "operations", "tolerance"),
    [
        ("segnet", (360, 640), 11, 286.03, 2, 0.01),  # ENet's Table 3
        ("enet", (360, 640), 11, 3.83, 2, 0.12),  # ENet's Table 3
        ("sq", (1024, 2048), 19, 270, 1, 0.06),  # DFANet's Table 5; the decoder's widths were chosen by it
    ],
)
def test_operations(name, size, classes, published, operations, tolerance):
    found = operations * count_at(on_meta(name, classes), size)["macs"] / 1e9
    print(f"{name}: published {published} GFLOPs, counted {found:.2f} at {operations} a multiply-accumulate")
    assert found == pytest.approx(published, rel=tolerance)


def test_the_published_operations_of_enet_take_its_asymmetric_convolutions_for_square_ones():
    macs = count_at(on_meta("enet", 11), (360, 640))["macs"]
    missing = 4 * 32 * 32 * (5 * 5 - 2 * 5) * (360 // 8) * (640 // 8)
    assert 2 * (macs + missing) / 1e9 == pytest.approx(3.83, abs=0.005)


def test_espnet_c_is_the_encoder_of_espnet():
    shared = on_meta("espnet", CLASSES).encoder.state_dict()
    alone = on_meta("espnet-c", CLASSES)
    assert {name: value.shape for name, value in alone.encoder.state_dict().items()} == {
        name: value.shape for name, value in shared.items()
    }
    assert alone.classify.weight.shape == (CLASSES, 256, 1, 1)


@pytest.mark.parametrize("name", NAMES)
def test_both_counters_know_every_operation_at_any_size(name):
    found = count_at(on_meta(name, CLASSES), (97, 131))
    assert found["ptflops_macs"] == pytest.approx(found["macs"], rel=0.01)
    assert sum(found["stages"].values()) == found["macs"]


@pytest.mark.parametrize("name", NAMES)
def test_scores_have_the_size_of_the_image(name):
    model = on_meta(name, CLASSES)
    with torch.no_grad():
        for size in ((64, 64), (66, 100)):
            assert model(torch.empty(1, 3, *size, device="meta")).shape == (1, CLASSES, *size)


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_receives_a_gradient(name, monkeypatch):
    monkeypatch.setattr("models.peers.fcn_8s.WIDTH", 64)  # of 4096: half a gigabyte of weights, all of one kind
    model = initialised(name).train()
    if name == "fcn-8s":  # scores that start from zero pass no gradient on
        for score in (model.score8, model.score16, model.score32):
            torch.nn.init.ones_(score.classify.weight[:1])
    torch.manual_seed(0)
    random = torch.Generator().manual_seed(0)
    images = torch.randn(2, 3, 65, 99, generator=random)
    labels = torch.randint(CLASSES, (2, 65, 99), generator=random)
    scores = model(images)
    assert scores.isfinite().all()
    F.cross_entropy(scores, labels).backward()
    without = [key for key, value in model.named_parameters() if value.grad is None or not value.grad.any()]
    assert without == []
    assert all(value.grad.isfinite().all() for value in model.parameters())


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("fcn-8s", "u-net")])  # large: drawn once
def test_every_drawn_weight_depends_on_the_seed(name):
    first, second = (initialised(name, seed).state_dict() for seed in (0, 1))
    assert not any(torch.equal(first[key], second[key]) for key in first if first[key].dim() > 1)


@pytest.mark.parametrize("name", ["segnet", "enet"])
def test_what_a_pooling_found_is_where_the_decoder_puts_it(name, monkeypatch):
    """Unpooling with other indices of the same shape gives other scores: the decoder uses the encoder's."""
    module = import_module(f"models.peers.{name}")
    model, image = initialised(name).eval(), torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        scores = model(image)
        real = module.unpool
        monkeypatch.setattr(module, "unpool", lambda x, indices, size: real(x, indices.flip(1), size))
        assert not torch.allclose(model(image), scores)
