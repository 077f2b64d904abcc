"""A peer of one's own, as docs/adding.md says how to write it, and what is said about one that is none."""

import sys
from types import ModuleType

import pytest
import torch
from torch import nn

from models import space
from models.build import NotANetwork, build
from pipeline.__main__ import main
from pipeline.config import params


class Honest(nn.Module):
    def __init__(self, classes: int):
        super().__init__()
        self.layer = nn.Conv2d(3, classes, 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.layer(images)


class Halved(Honest):
    def forward(self, images):
        return self.layer(images)[..., ::2, ::2]


class OneClassMore(Honest):
    def __init__(self, classes):
        super().__init__(classes + 1)


class Pair(Honest):
    def forward(self, images):
        return self.layer(images), images


class Fails(Honest):
    def forward(self, images):
        return self.layer(images[:, :1])


class WithoutClasses(nn.Module):
    def __init__(self):
        super().__init__()


WRONG = {
    "halved": (Halved, r"models/peers/mine.py makes scores of \(1, 19, 32, 32\) from an image of \(1, 3, 64, 64\)"),
    "one class more": (OneClassMore, r"makes scores of \(1, 20, 64, 64\) .* they must be \(1, 19, 64, 64\)"),
    "a pair": (Pair, r"makes scores of tuple"),
    "fails": (Fails, r"mine.py failed in .*test_ones_own.py, line \d+ \(RuntimeError: "),
    "without classes": (WithoutClasses, r"mine.py failed in .*, line \d+ \(TypeError: "),
    "no class": (3, r"mine.py failed in .*TypeError"),
    "none": (None, r"models/peers/mine.py has no class Network; docs/adding.md shows what a peer needs"),
}


@pytest.fixture
def peer(monkeypatch):
    """models/peers/mine.py."""
    made = ModuleType("models.peers.mine")
    monkeypatch.setitem(sys.modules, made.__name__, made)
    build.__globals__["_peer"].cache_clear()
    yield made
    build.__globals__["_peer"].cache_clear()


@pytest.mark.parametrize(("network", "sentence"), WRONG.values(), ids=WRONG)
def test_what_is_no_network_is_said_in_one_sentence(peer, network, sentence):
    peer.Network = network
    with pytest.raises(NotANetwork, match=sentence) as caught:
        build({"peer": "mine"}, 19)
    assert "\n" not in str(caught.value)


def test_a_network_is_built_with_its_own_weights(peer):
    peer.Network = Honest
    assert build({"peer": "mine"}, 5)(torch.zeros(2, 3, 64, 96)).shape == (2, 5, 64, 96)


def test_the_sentence_is_printed_alone(workspace, peer, monkeypatch, capsys):
    peer.Network = Halved
    changed = params.load()
    changed.variants["enet"].__dict__["peer"] = "mine"
    monkeypatch.setattr(params, "load", lambda study=None: changed)
    assert main(["export", "enet", "enet.pt2"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: models/peers/mine.py makes scores of (1, 19, 32, 32)") and said.count("\n") == 1
    assert not (workspace.root / "enet.pt2").exists()


def test_a_file_with_a_hyphen_is_to_be_renamed(workspace, monkeypatch, tmp_path, capsys):
    folder = tmp_path / "models_with_hyphen/peers"
    folder.mkdir(parents=True)
    (folder / "my-net.py").touch()
    monkeypatch.setattr(space, "__file__", str(folder.parent / "space.py"))
    space.PEERS.append("my-net")
    try:
        workspace.edit(lambda content: content["variants"].update({"my-net": {"peer": "my-net"}}))
        assert main(["plan"]) == 1
    finally:
        space.PEERS.remove("my-net")
    assert "models/peers/my-net.py cannot be imported; rename it my_net.py" in capsys.readouterr().err
