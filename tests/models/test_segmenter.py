"""Whole networks: sizes and starting weights. Every point of the space is trained once in test_space.py."""

import re
import subprocess
import sys

import pytest
import torch

from models.initialisation import initialise
from models.segmenter import Segmenter
from pipeline.config import params
from pipeline.config.variants import Variant
from tests.models.space import SHARE

VARIANTS = {name: spec for name, spec in params.load().variants.items() if isinstance(spec, Variant)}
CLASSES = 19


def build(name, seed=0):
    model = Segmenter(**VARIANTS[name].model_dump(), classes=CLASSES)
    initialise(model, seed)
    return model


@pytest.mark.parametrize("size", [(64, 64), (97, 131), (128, 256)])
@pytest.mark.parametrize("name", ["single", "a", "b", "c", "d", "dfanet-a", "dfanet-a-half", "resnet-50-quarter"])
def test_scores_have_the_size_of_the_image(name, size):
    model = build(name).eval()
    with torch.inference_mode():
        assert model(torch.rand(2, 3, *size)).shape == (2, CLASSES, *size)


@pytest.mark.parametrize("name", ["a", "c", "d", "dfanet-a"])
def test_modules_that_variants_share_start_alike(name):
    single, other, reseeded = (build(*which).state_dict() for which in (("single",), (name,), (name, 1)))
    shared = [key for key in single if key in other and single[key].shape == other[key].shape]
    assert {key for key in single if key.startswith("structure.networks.0.")} <= set(shared)
    assert "decoder.classify.weight" in shared
    assert all(torch.equal(single[key], other[key]) for key in shared if not re.fullmatch(SHARE, key))
    drawn = [key for key in shared if single[key].dim() > 1]
    assert not any(torch.equal(other[key], reseeded[key]) for key in drawn)


@pytest.mark.parametrize("name", ["a", "c", "d"])
def test_the_scores_of_the_networks_alone_add_up_to_the_high_level_decoders(name):
    model, images = build(name).double().eval(), torch.rand(1, 3, 97, 131, dtype=torch.float64)
    with torch.inference_mode():
        alone = sum(model.alone(images, network) for network in range(model.fused))
        bias = model.decoder.classify.bias[:, None, None]
        whole = model(images)
    assert (alone - (model.fused - 1) * bias - whole).abs().max() < 1e-12 * whole.abs().max()


def test_branches_start_apart():
    first, second = (network.state_dict() for network in build("a").structure.networks)
    assert not any(torch.equal(first[key], second[key]) for key in first if first[key].dim() > 1)


TRAIN_SINGLE = """
import torch
from models.initialisation import initialise
from models.segmenter import Segmenter
from pipeline.config import params
from tests.models.space import SHARE
torch.set_num_threads(1)
model = Segmenter(**params.load().variants["single"].model_dump(), classes=11)
initialise(model, 0)
model = model.train().to(memory_format=torch.channels_last)
for _ in range(2):
    images = torch.rand(8, 3, 144, 192).to(memory_format=torch.channels_last)
    model(images).square().mean().backward()
"""


def test_training_in_channels_last_leaves_memory_alone():
    """torch 2.13 on the CPU corrupts memory in the gradient of a 1x1 convolution with stride 2 and 8 channels."""
    ran = subprocess.run([sys.executable, "-c", TRAIN_SINGLE], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
