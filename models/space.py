"""The space of networks by name, for those that check or list names and need not load torch.

`STRUCTURES` and `PEERS` are the modules of models/structures and models/peers, so an added file is known by its name.
The other names are entries in models/network.py, models/attention.py and models/decoder.py.
"""

from pathlib import Path


def _names(folder: str) -> list[str]:
    files = (Path(__file__).parent / folder).glob("[a-z]*.py")
    return sorted(path.stem.replace("_", "-") for path in files if path.stem != "base")


def misnamed(folder: str) -> list[Path]:
    """Files of a folder with a hyphen in their name, which cannot be imported."""
    return sorted((Path(__file__).parent / folder).glob("[a-z]*-*.py"))


def file_name(name: str) -> str:
    """The file of a structure or peer: bisenet_1.py for "bisenet-1"."""
    return name.replace("-", "_") + ".py"


STRUCTURES = _names("structures")
SINGLE_NETWORK = ["single", "b"]
"""The structures that have one network; all others connect two or more."""
NEEDS_DECODER = ["a"]
"""The structures whose networks meet in the decoder alone."""
BACKBONES = ["xception-a", "xception-b", "resnet-50"]
ATTENTIONS = ["fc", "fc-scratch", "se", "none"]
DECODERS = ["none", "HL", "HL+LL"]
PEERS = _names("peers")
