"""Loads a trained network from its checkpoint, with the classes and frame size that the record beside it names."""

import colorsys
from pathlib import Path
from typing import Any, NamedTuple

from torch import nn

from models.build import build
from pipeline.config import params
from pipeline.data import registry
from pipeline.data.base import Class
from pipeline.utils import records, weights
from pipeline.utils.errors import BadInput, did_you_mean

RECORD = "train.json"
"""File that the training stage writes beside the weights."""


class Trained(NamedTuple):
    """A trained network. `size` is that of its training frames (rows, columns), or None if no record says it."""

    model: nn.Module
    variant: dict[str, Any]
    classes: tuple[Class, ...]
    size: tuple[int, int] | None


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
    """Load the network of `path` with the classes of data set `data`, by default of the one that its record names.

    If neither is known, classes are numbered and have generated colours. Raises `BadInput` if the data set is unknown
    or its number of classes differs from the network's.
    """
    model, variant, count = restore(path)
    record = path.with_name(RECORD)
    known = records.read(record) if record.exists() else {"wildcards": {}, "params": {}}
    sets = params.load().data
    if data is not None and data not in sets:
        raise BadInput(f'params.yaml has no data set "{data}"{did_you_mean(data, sets)}; known are {", ".join(sets)}')
    name = data or known["wildcards"].get("data")
    classes = registry.classes(sets[name].kind) if name in sets else numbered(count)
    if len(classes) != count:
        raise BadInput(f"{path} has {count} classes, but data.{name} has {len(classes)}; name its data set with --data")
    training = known["params"].get(f"recipes.{known['wildcards'].get('recipe')}.training", {})
    return Trained(model, variant, classes, tuple(training["frame_size"]) if "frame_size" in training else None)


def numbered(count: int) -> tuple[Class, ...]:
    """Return `count` classes without names, with hues spread over the colour wheel and alternating brightness."""
    shades = ((0.85, 0.65), (0.4, 0.95), (0.9, 0.95))
    wheel = [((index * 0.618) % 1, *shades[index % len(shades)]) for index in range(count)]
    return tuple(
        Class(f"class {index}", tuple(round(255 * part) for part in colorsys.hsv_to_rgb(*place)))
        for index, place in enumerate(wheel)
    )
