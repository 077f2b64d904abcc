"""Figure 2: what passes between networks in each structure, seen by disturbing one and watching the next."""

import pytest
import torch
import torch.nn.functional as F

from models import structures
from models.aspp import ASPP
from models.space import SINGLE_NETWORK, STRUCTURES

IMAGES = torch.rand(2, 3, 97, 131, generator=torch.Generator().manual_seed(0))


@pytest.fixture(params=["c", "d"])
def chain(request):
    torch.manual_seed(0)
    return request.param, structures.find(request.param)("xception-b", "fc", 2).eval()


def second_output(structure, disturb=None):
    """The second network's output, the first one's (features, last) having gone through `disturb`."""
    handle = structure.networks[0].register_forward_hook(lambda module, inputs, outputs: disturb and disturb(*outputs))
    with torch.no_grad():
        output = structure(IMAGES).high[1]
    handle.remove()
    return output


@pytest.mark.parametrize("stage", ["enc2", "enc3", "enc4"])
def test_c_passes_no_stage_and_d_passes_each(chain, stage):
    name, structure = chain
    disturbed = second_output(
        structure, lambda features, last: (features._replace(**{stage: getattr(features, stage) + 1}), last)
    )
    assert torch.equal(disturbed, second_output(structure)) is (name == "c")


def test_c_and_d_pass_the_output(chain):
    structure = chain[1]
    disturbed = second_output(structure, lambda features, last: (features, last + 1))
    assert not torch.equal(disturbed, second_output(structure))


def test_gradients_go_back_the_ways_that_features_went(chain):
    """Each by itself: what the first network hands on is cut off from the first network."""
    name, structure = chain
    cut = []

    def leaves(features, last):
        cut.extend(each.detach().requires_grad_() for each in (*features, last))
        return type(features)(*cut[:3]), cut[3]

    handle = structure.networks[0].register_forward_hook(lambda module, inputs, outputs: leaves(*outputs))
    structure(IMAGES).high[1].square().sum().backward()
    handle.remove()
    passed = [each.grad is not None and bool(each.grad.any()) for each in cut]
    assert passed == [name == "d"] * 3 + [True]


@pytest.mark.parametrize("name", ["c", "d"])
def test_each_network_reads_the_one_before_it_at_the_size_of_its_first_stage(name):
    structure = structures.find(name)("xception-b", "fc", 3).eval()
    seen = []
    for network in structure.networks:
        network.register_forward_hook(lambda module, inputs, outputs: seen.append((inputs[0], *outputs)))
    structure(IMAGES)
    for (_, features, last), (read, *_) in zip(seen[:-1], seen[1:], strict=True):
        size = features[0].shape[-2:]
        torch.testing.assert_close(read, F.interpolate(last, size, mode="bilinear", align_corners=False))


@pytest.mark.parametrize("name", STRUCTURES)
def test_what_is_fused_and_what_is_handed_on_has_gone_through_attention(name):
    alone = name in SINGLE_NETWORK
    structure = structures.find(name)("xception-b", "fc", 1 if alone else 2).eval()
    read = []
    for network in structure.networks:
        network.attention.register_forward_hook(lambda module, inputs, output: torch.zeros_like(output))
        network.register_forward_pre_hook(lambda module, inputs: read.append(inputs[0]))
    high = structure(IMAGES).high
    assert not any(output.any() for output in high)
    assert bool(read[-1].any()) == (alone or name == "a"), "which see the image"


@pytest.mark.parametrize("branch", [0, 1])
def test_a_passes_nothing_between_its_branches(branch):
    structure = structures.find("a")("xception-b", "fc", 2)
    outputs = structure(IMAGES)
    (outputs.high[branch].square().mean() + outputs.low[branch].square().mean()).backward()
    assert all(parameter.grad is not None for parameter in structure.networks[branch].parameters())
    assert all(parameter.grad is None for parameter in structure.networks[1 - branch].parameters())


def test_a_shows_its_second_branch_half_the_image():
    seen = []
    structure = structures.find("a")("xception-b", "fc", 2).eval()
    for network in structure.networks:
        network.register_forward_hook(lambda module, inputs, outputs: seen.append(tuple(inputs[0].shape[-2:])))
    structure(IMAGES)
    assert seen == [(97, 131), (48, 65)]


def test_b_sees_further_than_the_backbone_at_the_same_resolution():
    single, pooled = (structures.find(name)("xception-b", "fc", 1).eval()(IMAGES).high[0] for name in ("single", "b"))
    assert pooled.shape == (2, 256, *single.shape[-2:])
    pooling = ASPP(4, 8).eval()
    with torch.no_grad():
        for branch in pooling.branches:
            branch.weight.fill_(1)
        spike = torch.zeros(1, 4, 41, 41)
        spike[0, 0, 20, 20] = 1
        rows = pooling(spike)[0, 0].nonzero()[:, 0].unique().tolist()
    assert rows == [2, 8, 14, 20, 26, 32, 38]
