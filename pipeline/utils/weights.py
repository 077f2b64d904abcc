"""Save and load weights atomically, as tensors and plain values only, never as code."""

import io
import zipfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from pipeline.utils.errors import BadInput, Diverged
from pipeline.utils.files import atomic, write

if TYPE_CHECKING:
    import pandas as pd


def save(path: Path, content: dict[str, Any]) -> None:
    """Write tensors and plain values to `path` atomically."""
    # Write to memory first: if the disk is full, torch's own file writer raises an error that does not say so.
    buffer = io.BytesIO()
    torch.save(content, buffer)
    write(path, buffer.getbuffer())


def load(path: Path) -> dict[str, Any]:
    """Load a file written by `save` onto the CPU. Raises `BadInput` if it is missing, damaged or contains code."""
    try:
        _check(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise BadInput(
            f"{path} is missing; run the stage that writes it (`python -m pipeline plan` names it)"
        ) from None
    except Exception as error:
        reason = str(error).splitlines()[0]
        raise BadInput(
            f"{path} is not a checkpoint of this project ({reason}); delete it and run its stage again"
        ) from None


def _check(path: Path) -> None:
    """Raise an error if a byte was changed since the file was written; `torch.load` takes other numbers for weights."""
    with zipfile.ZipFile(path) as file:
        if changed := file.testzip():
            raise ValueError(f"{changed} was changed since it was written")


def load_for(path: Path, expected: dict[str, Any]) -> dict[str, torch.Tensor]:
    """Return the state dict stored in `path`.

    Raises `BadInput` if the `made_for` entry of the file is not `expected`, and `Diverged` if the file holds no
    weights because the training diverged.
    """
    content = load(path)
    require(path, content.get("made_for"), expected)
    if "diverged" in content:
        raise Diverged(f"{path} holds no weights: {content['diverged']}")
    return content["state"]


def require(path: Path, found: Any, expected: dict[str, Any]) -> None:
    """Raise `BadInput` if the weights at `path` were made for another network than the expected one."""
    if found != expected:
        raise BadInput(
            f"{path} belongs to {found}, not to {expected}; delete it and run its stage again, or name other weights"
        )


def load_pretrained(networks: Iterable[nn.Module], path: Path, backbone: str) -> list[dict[str, int]]:
    """Load pretrained weights, including the FC layer, into every network of a variant.

    Networks after the first have no conv1, and their stages take more input channels (Figure 3). Tensors that a network
    lacks are skipped. If a tensor has more channels than the pretrained one, the pretrained values fill its first
    channels, or none of them, depending on `models.interpretation.Transfer`.

    Returns one dictionary per network with the number of its tensors that `matched`, were `sliced`, were `missing` from
    the file, or were `reshaped` and keep their initial values. Raises `BadInput` if no tensor of a network matches.
    """
    state = load_for(path, {"backbone": backbone})
    report = []
    for network in networks:
        counts = Counter(_take(network, name, own, state) for name, own in network.state_dict().items())
        if not counts["matched"]:
            raise BadInput(f"{path} holds no tensor of this network; delete it and pretrain again")
        report.append({kind: counts[kind] for kind in ("matched", "sliced", "missing", "reshaped")})
    return report


def _take(network: nn.Module, name: str, own: torch.Tensor, state: dict[str, torch.Tensor]) -> str:
    """Copy tensor `name` of `state` into the network's tensor `own`; return how it fitted."""
    if name not in state or not network.takes(name):
        return "missing"
    pretrained = state[name]
    if pretrained.shape != own.shape and not network.slices(name):
        return "reshaped"
    own[tuple(map(slice, pretrained.shape))] = pretrained
    return "matched" if pretrained.shape == own.shape else "sliced"


def write_csv(path: Path, table: "pd.DataFrame") -> None:
    """Write a table to `path` atomically."""
    with atomic(path) as temporary:
        table.to_csv(temporary, index=False)
