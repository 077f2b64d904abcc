"""Weights on disk: tensors and plain values, never code, and whole or not at all."""

import io
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from pipeline.utils.errors import BadInput, Diverged
from pipeline.utils.files import atomic

if TYPE_CHECKING:
    import pandas as pd


def save(path: Path, content: dict[str, Any]) -> None:
    """Write tensors and plain values by temporary file and rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # By way of memory: torch's own file writer turns a full disk into an error that does not say so.
    buffer = io.BytesIO()
    torch.save(content, buffer)
    with atomic(path) as temporary:
        temporary.write_bytes(buffer.getbuffer())


def load(path: Path) -> dict[str, Any]:
    """Read what `save` wrote, on the CPU. `BadInput` where it is missing, broken, or holds code."""
    try:
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


def load_for(path: Path, expected: dict[str, Any]) -> dict[str, torch.Tensor]:
    """The state under `state`, if `path` was written for what is `expected` (its `made_for`). Else `BadInput`.

    `Diverged` if it holds none, because its training came to no numbers.
    """
    content = load(path)
    found = content.get("made_for")
    if found != expected:
        raise BadInput(f"{path} belongs to {found}, not to {expected}; delete it and run its stage again")
    if "diverged" in content:
        raise Diverged(f"{path} holds no weights: {content['diverged']}")
    return content["state"]


def load_pretrained(networks: Iterable[nn.Module], path: Path, backbone: str) -> list[dict[str, int]]:
    """Load a pretrained network into every network of a variant, FC layer included.

    A later network has no conv1, and its stages start from more channels (Figure 3): what it lacks is not loaded, and
    of a tensor with more channels the first are, or none (`models.interpretation.Transfer`). Returns for each network
    how many of its tensors `matched`, were `sliced`, were `missing` from the file, or are `reshaped` and keep their
    initial values. `BadInput` if nothing matches.
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
    """Copy a tensor of `state` into the network's `own` of that name, as far as it fits; say how far that was."""
    if name not in state or not network.takes(name):
        return "missing"
    pretrained = state[name]
    if pretrained.shape != own.shape and not network.slices(name):
        return "reshaped"
    own[tuple(map(slice, pretrained.shape))] = pretrained
    return "matched" if pretrained.shape == own.shape else "sliced"


def write_csv(path: Path, table: "pd.DataFrame") -> None:
    """Write a table by temporary file and rename."""
    with atomic(path) as temporary:
        table.to_csv(temporary, index=False)
