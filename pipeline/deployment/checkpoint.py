"""A trained network from its checkpoint, with what the record beside it says: its classes and its frames' size."""

import colorsys
from pathlib import Path
from typing import Any, NamedTuple

from torch import nn

from models.build import build
from pipeline.config import params
from pipeline.data import registry
from pipeline.data.base import Class
from pipeline.graph import provenance
from pipeline.utils import weights
from pipeline.utils.errors import BadInput, did_you_mean

RECORD = "train.json"
"""What the training stage wrote beside the weights."""


class Trained(NamedTuple):
    """`size` is that of the frames it was trained on (rows, columns), None where no record says it."""

    model: nn.Module
    variant: dict[str, Any]
    classes: tuple[Class, ...]
    size: tuple[int, int] | None


def restore(path: Path) -> tuple[nn.Module, dict[str, Any], int]:
    """A checkpoint's network, ready to predict, its variant and its number of classes. `BadInput` if it is no such."""
    if path.is_dir():
        raise BadInput(f"{path} is a folder; name the checkpoint in it, e.g. {path / 'weights.pt'}")
    content = weights.load(path)
    made_for = content.get("made_for") if isinstance(content, dict) else None
    if not isinstance(made_for, dict) or not {"variant", "classes"} <= made_for.keys():
        raise BadInput(f"{path} holds no segmentation network but {made_for or 'something else'}; name a run's weights")
    if "diverged" in content:
        raise BadInput(f"{path} holds no weights: {content['diverged']}; name the weights of another run")
    variant, classes = made_for["variant"], made_for["classes"]
    try:
        model = build(variant, classes)
        model.load_state_dict(content["state"])
    except (TypeError, KeyError, ImportError, RuntimeError) as error:
        reason = str(error).splitlines()[0].rstrip(":")
        raise BadInput(
            f"{path} does not fit the network that this version builds of {variant} ({reason}); train it again, or "
            "check out the commit that its record names"
        ) from None
    return model.eval(), variant, classes


def open_checkpoint(path: Path, data: str | None = None) -> Trained:
    """The network of `path`; its classes are those of data set `data`, else of the one that its record names.

    Where neither says it, classes are numbers with colours of their own.
    """
    model, variant, count = restore(path)
    record = path.with_name(RECORD)
    known = provenance.read(record) if record.exists() else {"wildcards": {}, "params": {}}
    sets = params.load().data
    if data is not None and data not in sets:
        raise BadInput(f'params.yaml has no data "{data}"{did_you_mean(data, sets)}; known are {", ".join(sets)}')
    name = data or known["wildcards"].get("data")
    classes = registry.classes(sets[name].kind) if name in sets else numbered(count)
    if len(classes) != count:
        raise BadInput(f"{path} knows {count} classes, but data.{name} has {len(classes)}; name its data set by --data")
    training = known["params"].get(f"recipes.{known['wildcards'].get('recipe')}.training", {})
    return Trained(model, variant, classes, tuple(training["frame_size"]) if "frame_size" in training else None)


def numbered(count: int) -> tuple[Class, ...]:
    """Classes without names: hues spread over the wheel, neighbours on it told apart by their brightness."""
    shades = ((0.85, 0.65), (0.4, 0.95), (0.9, 0.95))
    wheel = [((index * 0.618) % 1, *shades[index % len(shades)]) for index in range(count)]
    return tuple(
        Class(f"class {index}", tuple(round(255 * part) for part in colorsys.hsv_to_rgb(*place)))
        for index, place in enumerate(wheel)
    )
