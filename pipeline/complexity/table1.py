"""Table 1, read from the modules: the layers of each stage of Xception A and B."""

from typing import Any

import torch
from torch import nn

from models.interpretation import Blocks
from models.layers import SeparableConv
from models.network import TABLE_1
from models.xception import Xception


def table1(blocks: Blocks, size: tuple[int, int] = (1024, 1024)) -> list[dict[str, Any]]:
    """Return one row per stage with, for each backbone, its `output`, `convolutions` and `repeats`.

    `output` is the shape (channels, rows, columns) for an image of `size`. `convolutions` are (kernel, channels) of the
    stage's first block, and `repeats` is the number of blocks that have the same ones. `blocks` is the interpretation.
    """
    rows: dict[str, dict[str, Any]] = {}
    for name, column in TABLE_1.items():
        with torch.device("meta"):
            network, image = Xception(column, options=blocks).eval(), torch.empty(1, 3, *size)
        for stage, output in _outputs(network, image).items():
            layers = [_convolutions(block) for block in _blocks(getattr(network, stage))]
            found = {"convolutions": layers[0], "repeats": layers.count(layers[0]), "output": list(output.shape[1:])}
            rows.setdefault(stage, {"stage": stage})[name] = found
    return list(rows.values())


def _outputs(network: Xception, image: torch.Tensor) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = {}
    for name, stage in network.named_children():
        stage.register_forward_hook(lambda module, inputs, output, name=name: found.update({name: output}))
    with torch.no_grad():
        network(image)
    return found


def _blocks(stage: nn.Module) -> list[nn.Module]:
    """Return a stage's blocks; conv1 is a single convolution and counts as one block."""
    return [block.body for block in stage if hasattr(block, "body")] or [stage]


def _convolutions(block: nn.Module) -> list[list[Any]]:
    """Return (kernel, output channels) of each convolution; a separable one has the kernel of its depthwise part."""
    found = []
    for part in block:
        separable = isinstance(part, SeparableConv)
        if separable or isinstance(part, nn.Conv2d):
            kernel = (part[0] if separable else part).kernel_size
            channels = part[-1][0].out_channels if separable else part.out_channels
            found.append(["x".join(map(str, kernel)), channels])
    return found
