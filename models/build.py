"""From a variant, as params.yaml holds it, to its network."""

import traceback
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any

import torch
from torch import nn

from models.segmenter import Segmenter
from models.space import file_name

SIDE = 64
"""Rows and columns of the smallest image that every network accepts."""


class NotANetwork(Exception):
    """A file of models/peers is not what it should be; the message is one sentence that says what to do."""


def build(variant: Mapping[str, Any], classes: int) -> nn.Module:
    """The network of a variant: a point of DFANet's space (`Segmenter`), or `{"peer": NAME}` of models/peers/NAME.py.

    It takes images Nx3xHxW, any H and W from 64, and returns class scores Nx`classes`xHxW. A peer that its paper
    trains with auxiliary heads returns in training mode a tuple, main scores first, and has the other outputs' weights
    in the loss as `auxiliary_weights`.
    """
    if "peer" in variant:
        return _peer(variant["peer"], classes)(classes)
    return Segmenter(**variant, classes=classes)


@cache
def _peer(name: str, classes: int) -> type[nn.Module]:
    """The class of a peer, which is tried once on a small image without values. Raises `NotANetwork`."""
    file = f"models/peers/{file_name(name)}"
    try:
        module = import_module(f"models.peers.{name.replace('-', '_')}")
        network = getattr(module, "Network", None)
        if network is None:
            raise NotANetwork(f"{file} has no class Network; docs/adding.md shows what a peer needs")
        with torch.device("meta"):
            scores = network(classes).eval()(torch.empty(1, 3, SIDE, SIDE))
    except NotANetwork:
        raise
    except Exception as error:
        steps = traceback.extract_tb(error.__traceback__)
        own = [step for step in steps if "site-packages" not in step.filename and not step.filename.startswith("<")]
        where = f"{own[-1].filename}, line {own[-1].lineno}"
        said = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise NotANetwork(f"{file} failed in {where} ({said})") from error
    shape = tuple(getattr(scores, "shape", ())) or type(scores).__name__
    wanted = (1, classes, SIDE, SIDE)
    if shape != wanted:
        said = f"{file} makes scores of {shape} from an image of (1, 3, {SIDE}, {SIDE})"
        raise NotANetwork(f"{said}; they must be {wanted}")
    return network
