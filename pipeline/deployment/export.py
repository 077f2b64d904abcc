"""Exports a variant's network as a file that runs without this project: `python -m pipeline export VARIANT OUTPUT`.

The file holds the network with folded batch norm, for one input size. It maps images 1x3xHxW float32 to class scores
1xCxHxW. The images are RGB / 255 minus `augment.MEAN`, divided by `augment.SPREAD`. Formats:

- `torch`: a program of torch.export. Run it with `torch.export.load(FILE).module()`.
- `onnx`: for ONNX Runtime and other ONNX tools. Requires the optional extra `onnx`.

Before it is written, the encoded file is decoded, run on a random image and compared with the original network.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from models.folding import fold
from pipeline.deployment.checkpoint import restore
from pipeline.deployment.formats import TOLERANCE, decode, difference, encode, program, require_onnx
from pipeline.timing import modes
from pipeline.utils.errors import BadInput
from pipeline.utils.files import size, space_for, write
from pipeline.utils.weights import require

if TYPE_CHECKING:
    from pipeline.config.variants import Variant


def export(
    variant: "Variant", classes: int, at: tuple[int, int], form: str, output: Path, checkpoint: Path | None = None
) -> str:
    """Write a variant's network for images of size `at` (rows, columns); return a sentence about the file.

    With a checkpoint, its weights and number of classes are used, otherwise random weights. Raises `BadInput`, and
    writes nothing, if the checkpoint belongs to another variant, a package is missing, or the exported scores differ
    from the network's by more than `TOLERANCE`.
    """
    if form == "onnx":
        require_onnx()
    model, image = _network(variant, classes, at, checkpoint)
    with torch.no_grad():
        expected = model(image)
        content = encode(program(fold(model, image), image), image, form)
        error = difference(decode(content, form)(image), expected)
    if not error <= TOLERANCE["float32"]:
        raise BadInput(
            f"{output} was not written: its scores differ from eager mode's by {error:.2g} standard deviations, and at "
            f"most {TOLERANCE['float32']:g} is allowed; try the other format or another version of torch"
        )
    with space_for(output.parent):
        write(output, content)
    shapes = " to ".join("x".join(map(str, each.shape)) for each in (image, expected))
    return (
        f"{output}: {form}, {shapes}, {size(len(content))}, {'trained' if checkpoint else 'random'} weights; "
        f"differs from eager mode by {error:.1g} standard deviations of a score (at most {TOLERANCE['float32']:g})"
    )


def _network(
    variant: "Variant", classes: int, at: tuple[int, int], checkpoint: Path | None
) -> tuple[nn.Module, Tensor]:
    if checkpoint is None:
        with torch.no_grad():
            return modes.untrained(variant, classes, at, torch.device("cpu"))
    model, found, _ = restore(checkpoint)
    require(checkpoint, found, variant.network)
    return model, torch.rand(1, 3, *at, generator=torch.Generator().manual_seed(modes.SEED))
