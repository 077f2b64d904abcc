"""Figure 2: what passes between networks in each structure, seen by disturbing one and watching the next."""

import pytest
import torch

from models.aspp import ASPP
from models.structures import STRUCTURES

IMAGES = torch.rand(2, 3, 97, 131, generator=torch.Generator().manual_seed(0))


@pytest.fixture(params=["c", "d"])
def chain(request):
    torch.manual_seed(0)
    return request.param, STRUCTURES[request.param]("xception-b", "fc", 2).eval()


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


@pytest.mark.parametrize("branch", [0, 1])
def test_a_passes_nothing_between_its_branches(branch):
    structure = STRUCTURES["a"]("xception-b", "fc", 2)
    outputs = structure(IMAGES)
    (outputs.high[branch].square().mean() + outputs.low[branch].square().mean()).backward()
    assert all(parameter.grad is not None for parameter in structure.networks[branch].parameters())
    assert all(parameter.grad is None for parameter in structure.networks[1 - branch].parameters())


def test_a_shows_its_second_branch_half_the_image():
    seen = []
    structure = STRUCTURES["a"]("xception-b", "fc", 2).eval()
    for network in structure.networks:
        network.register_forward_hook(lambda module, inputs, outputs: seen.append(tuple(inputs[0].shape[-2:])))
    structure(IMAGES)
    assert seen == [(97, 131), (48, 65)]


def test_b_sees_further_than_the_backbone_at_the_same_resolution():
    single, pooled = (STRUCTURES[name]("xception-b", "fc", 1).eval()(IMAGES).high[0] for name in ("single", "b"))
    assert pooled.shape == (2, 256, *single.shape[-2:])
    pooling = ASPP(4, 8).eval()
    with torch.no_grad():
        for branch in pooling.branches:
            branch.weight.fill_(1)
        spike = torch.zeros(1, 4, 41, 41)
        spike[0, 0, 20, 20] = 1
        rows = pooling(spike)[0, 0].nonzero()[:, 0].unique().tolist()
    assert rows == [2, 8, 14, 20, 26, 32, 38]
