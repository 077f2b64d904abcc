"""The shapes and the flow of Figure 3, against the figure as printed."""

import json

import pytest
from torch import nn

from models import structures
from models.structures.base import Outputs
from pipeline.complexity.architecture import describe
from pipeline.complexity.macs import count
from pipeline.config import params
from pipeline.config.variants import Peer
from pipeline.utils.errors import BadInput

VARIANTS = params.load().variants

FIGURE_3 = {  # side, channels, at 1024x1024
    "networks.0": {"conv1": (512, 8), "enc2": (256, 48), "enc3": (128, 96), "enc4": (64, 192), "attention": (64, 192)},
    "networks.1": {"enc2": (128, 48), "enc3": (64, 96), "enc4": (32, 192), "attention": (32, 192)},
    "networks.2": {"enc2": (64, 48), "enc3": (32, 96), "enc4": (16, 192), "attention": (16, 192)},
}


@pytest.fixture(scope="module")
def dfanet():
    return describe(VARIANTS["dfanet-a"], 19, (1024, 1024))


def into(described, part):
    edges = [edge for edge in described["flow"] if edge["to"] == part]
    return {edge["from"]: edge["resized"] and edge["resized"][0] for edge in edges}, {edge["joined"] for edge in edges}


def test_every_shape_of_the_encoder_is_figure_3s(dfanet):
    for network, stages in FIGURE_3.items():
        found = {part: shape for part, shape in dfanet["parts"].items() if part.startswith(network)}
        assert found == {f"{network}.{stage}": [width, side, side] for stage, (side, width) in stages.items()}


@pytest.mark.parametrize(("network", "side"), [(1, 256), (2, 128)])
def test_a_later_network_gets_what_figure_3_concatenates(dfanet, network, side):
    own, earlier = f"networks.{network}", f"networks.{network - 1}"
    assert into(dfanet, f"{own}.enc2") == ({f"{earlier}.attention": side, f"{earlier}.enc2": None}, {"concat"})
    assert into(dfanet, f"{own}.enc3") == ({f"{own}.enc2": None, f"{earlier}.enc3": None}, {"concat"})
    assert into(dfanet, f"{own}.enc4") == ({f"{own}.enc3": None, f"{earlier}.enc4": None}, {"concat"})


def test_the_decoder_is_figure_3s(dfanet):
    low = {"decoder.low.0": None, "decoder.low.1": 256, "decoder.low.2": 256}  # x1, x2, x4
    high = {"decoder.high.0": 256, "decoder.high.1": 256, "decoder.high.2": 256}  # x4, x8, x16
    assert into(dfanet, "decoder.merge") == (low, {"sum"})
    assert into(dfanet, "decoder.classify") == (high | {"decoder.merge": None}, {"sum"})
    assert into(dfanet, "scores") == ({"decoder.classify": 1024}, {None})
    assert [dfanet["parts"][f"decoder.{path}.{n}"][1] for path in ("low", "high") for n in range(3)] == [
        256, 128, 64, 64, 32, 16,
    ]  # fmt: skip


@pytest.mark.parametrize("structure", ["single", "a", "b", "c", "d"])
@pytest.mark.parametrize("size", [(64, 64), (97, 131)])
def test_what_passes_between_networks_is_what_tells_the_structures_apart(structure, size):
    described = describe(VARIANTS[structure], 11, size)
    passed = {
        (edge["from"].split(".")[-1], edge["to"].split(".")[-1])
        for edge in described["flow"]
        if edge["to"].startswith("networks.1") and not edge["from"].startswith("networks.1")
    }
    last, stages = {("attention", "enc2")}, {("enc2", "enc2"), ("enc3", "enc3"), ("enc4", "enc4")}
    assert passed == {"a": {("image", "conv1")}, "c": last, "d": last | stages}.get(structure, set())
    assert ("context" in described["parts"]) == (structure == "b")
    assert described["parts"]["scores"] == [11, *size]
    assert json.loads(json.dumps(described)) == described, "ready for JSON"


def test_without_attention_or_decoder_their_parts_are_not_there():
    changed = {"attention": "none", "decoder": "none", "networks": 4}
    described = describe(VARIANTS["d"].model_copy(update=changed), 19, (128, 128))
    assert "networks.3.enc4" in described["parts"]
    assert not [part for part in described["parts"] if "attention" in part or part.startswith("decoder.high")]
    assert into(described, "decoder.classify") == ({"networks.3.enc4": None}, {None})


def test_a_peer_has_no_figure_3(monkeypatch):
    monkeypatch.setattr("pipeline.complexity.architecture.build", lambda variant, classes: nn.Identity())
    with pytest.raises(BadInput, match="peer='enet' is a peer, .* name one"):
        describe(Peer.model_construct(peer="enet"), 19, (64, 64))


class Mixing(structures.find("d")):
    """An added structure, with a module of its own behind its networks."""

    def __init__(self, *options):
        super().__init__(*options)
        self.mix = nn.Conv2d(self.high[-1], self.high[-1], 1)

    def forward(self, images):
        high, low = super().forward(images)
        return Outputs([high[0], self.mix(high[1])], low)


def test_an_added_structure_is_described_with_its_own_parts(monkeypatch):
    monkeypatch.setattr(structures, "find", lambda name: Mixing)
    described = describe(VARIANTS["d"].model_copy(update={"structure": "mixing"}), 19, (64, 128))
    assert into(described, "mix") == ({"networks.1.attention": None}, {None})
    assert into(described, "decoder.high.1") == ({"mix": None}, {None})


def test_the_complexity_of_a_variant_holds_its_description_and_that_of_a_peer_none():
    complexity = params.load().complexity.model_copy(update={"paper_size": (64, 64)})
    counted = {name: count(complexity, VARIANTS[name], 19, (64, 128)) for name in ("single", "espnet-c")}
    assert counted["single"]["architecture"] == describe(VARIANTS["single"], 19, (64, 128))
    assert "architecture" not in counted["espnet-c"]
