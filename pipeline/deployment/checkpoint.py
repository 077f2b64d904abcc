"""Opens a trained network, a checkpoint or an exported file, with the names of its classes and its frame size."""

import colorsys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from models.build import build
from pipeline.config import params
from pipeline.data import registry
from pipeline.data.base import Class
from pipeline.deployment.formats import decode
from pipeline.utils import records, weights
from pipeline.utils.errors import BadInput, did_you_mean

RECORD = "train.json"
"""File that the training stage writes beside the weights."""


FORMATS = {".pt2": "torch", ".onnx": "onnx"}
"""Formats of exported files, by their ending."""


class Trained(NamedTuple):
    """A trained network, run on images Nx3xHxW.

    `size` (rows, columns) is that of its training frames, or None if no record says it. An exported file is `fixed`: it
    takes one image of `size` at a time, on the CPU.
    """

    model: Callable[[Tensor], Tensor]
    classes: tuple[Class, ...]
    size: tuple[int, int] | None
    fixed: bool = False


def open_network(path: Path, data: str | None = None) -> Trained:
    """Open a checkpoint or an exported file. Its classes are those of data set `data`, or of the record beside it.

    If neither is known, classes are numbered and have generated colours. Raises `BadInput` if the file cannot be read,
    the data set is unknown, or its number of classes differs from the network's.
    """
    return open_exported(path, data) if path.suffix in FORMATS else open_checkpoint(path, data)


def restore(path: Path) -> tuple[nn.Module, dict[str, Any], int]:
    """Return a checkpoint's network in evaluation mode, its variant and its number of classes.

    Raises `BadInput` if the file is not the checkpoint of a segmentation network that this version can build.
    """
    if path.is_dir():
        raise BadInput(f"{path} is a folder; name a checkpoint in it, e.g. {path / 'weights.pt'}")
    content = weights.load(path)
    made_for = content.get("made_for") if isinstance(content, dict) else None
    if not isinstance(made_for, dict) or not {"variant", "classes"} <= made_for.keys():
        raise BadInput(
            f"{path} was made for {made_for or 'another purpose'}, not for segmentation; name a run's weights.pt"
        )
    if "diverged" in content:
        raise BadInput(f"{path} holds no weights: {content['diverged']}; name the checkpoint of another run")
    variant, classes = made_for["variant"], made_for["classes"]
    try:
        model = build(variant, classes)
        model.load_state_dict(content["state"])
    except (TypeError, KeyError, ImportError, RuntimeError) as error:
        reason = str(error).splitlines()[0].rstrip(":")
        raise BadInput(
            f"{path} does not fit the network that this version builds for {variant} ({reason}); train it again, or "
            "check out the commit in its record"
        ) from None
    return model.eval(), variant, classes


def open_checkpoint(path: Path, data: str | None = None) -> Trained:
    """Open the checkpoint at `path`, as `open_network` says."""
    model, _, count = restore(path)
    record = path.with_name(RECORD)
    known = records.read(record) if record.exists() else {"wildcards": {}, "params": {}}
    classes = _classes(path, count, data or known["wildcards"].get("data"), asked=data is not None)
    training = known["params"].get(f"recipes.{known['wildcards'].get('recipe')}.training", {})
    return Trained(model, classes, tuple(training["frame_size"]) if "frame_size" in training else None)


def open_exported(path: Path, data: str | None = None) -> Trained:
    """Open a file that `python -m pipeline export` wrote, as `open_network` says."""
    if not path.is_file():
        raise BadInput(f"{path} is missing; `python -m pipeline export` writes it")
    try:
        network = decode(path.read_bytes(), FORMATS[path.suffix])
        (scores,) = network(torch.zeros(1, 3, *network.size))
    except BadInput:
        raise
    except Exception as error:  # torch and ONNX Runtime raise errors of any type
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise BadInput(f"{path} is not an exported network ({reason}); export it again") from None
    return Trained(network, _classes(path, len(scores), data, asked=True), network.size, fixed=True)


def _classes(path: Path, count: int, data: str | None, asked: bool) -> tuple[Class, ...]:
    """The classes of data set `data`. One that was `asked` for must exist; the name in a record need not."""
    sets = params.load().data
    if asked and data is not None and data not in sets:
        raise BadInput(f'params.yaml has no data set "{data}"{did_you_mean(data, sets)}; known are {", ".join(sets)}')
    classes = registry.classes(sets[data].kind) if data in sets else numbered(count)
    if len(classes) != count:
        raise BadInput(f"{path} has {count} classes, but data.{data} has {len(classes)}; name its data set with --data")
    return classes


def numbered(count: int) -> tuple[Class, ...]:
    """Return `count` classes without names, with hues spread over the colour wheel and alternating brightness."""
    shades = ((0.85, 0.65), (0.4, 0.95), (0.9, 0.95))
    wheel = [((index * 0.618) % 1, *shades[index % len(shades)]) for index in range(count)]
    return tuple(
        Class(f"class {index}", tuple(round(255 * part) for part in colorsys.hsv_to_rgb(*place)))
        for index, place in enumerate(wheel)
    )
