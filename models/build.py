"""From a variant, as params.yaml holds it, to its network."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from torch import nn

from models.segmenter import Segmenter


def build(variant: Mapping[str, Any], classes: int) -> nn.Module:
    """The network of a variant: a point of DFANet's space (`Segmenter`), or `{"peer": NAME}` of models/peers/NAME.py.

    It takes images Nx3xHxW, any H and W from 64, and returns class scores Nx`classes`xHxW. A peer that its paper
    trains with auxiliary heads returns in training mode a tuple, main scores first, and has the other outputs' weights
    in the loss as `auxiliary_weights`.
    """
    if "peer" in variant:
        return import_module(f"models.peers.{variant['peer'].replace('-', '_')}").Network(classes)
    return Segmenter(**variant, classes=classes)
