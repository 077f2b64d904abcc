"""The data sets by `kind`. A published set of labelled frames is a module of sets/, found by its name: it holds
its CLASSES, its SPLITS, HOW_TO_GET it, and FRAMES, which opens a folder of them (`base.Source`).

Each is imported where it is used, so that asking for classes loads no generator and no decoder.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pipeline.config import paths
from pipeline.data.base import Class, Source
from pipeline.data.checks import check_module, checked_classes, foreign
from pipeline.utils.errors import BadInput

if TYPE_CHECKING:
    from types import ModuleType

    import numpy as np

    from pipeline.config.data import Data, FrameData, ImageData


class Images(Protocol):
    """A classification set: square images of one size, each of one class."""

    classes: tuple[Class, ...]

    def names(self, split: str) -> list[str]: ...

    def read(self, split: str, index: int) -> tuple[np.ndarray, int]: ...


def classes(kind: str) -> tuple[Class, ...]:
    """The classes of a segmentation set. `BadInput` for a kind that has no labelled frames."""
    if kind in ("crops", "images"):
        raise BadInput(
            f'study.data names a set of kind "{kind}", which has no labelled frames; '
            "name a set of frames, such as one of kind synthetic or camvid"
        )
    module = _module("cityscapes" if kind == "synthetic" else kind)
    return checked_classes(module.CLASSES, module.__file__)


def splits(spec: Data) -> tuple[str, ...]:
    """The splits that are prepared."""
    if spec.kind == "synthetic":
        drawn = tuple(split for split, count in spec.frames.items() if count)
        if not drawn:
            raise BadInput(f"the synthetic set has no frames in any split ({spec.frames}); give its frames a count")
        return drawn
    return ("train", "val") if spec.kind in ("crops", "images") else _module(spec.kind).SPLITS


def open_source(name: str, spec: Data) -> Source | Images:
    """Open data set `name` as it is published. `BadInput` says how to get it if it is missing or empty."""
    match spec.kind:
        case "synthetic":
            from pipeline.data.sets.synthetic import Synthetic

            return Synthetic(spec.seed, *spec.size, {split: spec.frames[split] for split in splits(spec)})
        case "crops":
            from pipeline.data.sets.crops import Crops

            return Crops(spec.seed, spec.size, spec.images)
        case "images":
            from pipeline.data.sets.images import HOW_TO_GET, ImageSet

            return ImageSet(_published(name, spec, HOW_TO_GET), spec.size)
        case kind:
            module = _module(kind)
            folder = _published(name, spec, module.HOW_TO_GET)
            with foreign(f"opening data.{name}"):
                return module.FRAMES(folder)


def _module(kind: str) -> ModuleType:
    """The module of a published set of labelled frames. `BadInput` says what it lacks."""
    with foreign(f"importing pipeline/data/sets/{kind}.py"):
        module = import_module(f"pipeline.data.sets.{kind}")
    check_module(module)
    return module


def fetch(name: str, spec: Data) -> None:
    """Download data set `name` to where it is looked for. `BadInput` if it is none that may be downloaded."""
    if spec.kind != "camvid":
        raise BadInput(
            f'data.{name} is of kind "{spec.kind}", which is drawn or needs a registration; only CamVid can be '
            "fetched, and params.yaml says beside each directory which environment variable names a copy"
        )
    from pipeline.data.sets.camvid import fetch

    directory = paths.directory(name, spec.directory)
    print(f"{name}: {fetch(directory)} files fetched, all of them are in {directory}", file=sys.stderr)


def _published(name: str, spec: FrameData | ImageData, how_to_get: str) -> Path:
    path = paths.directory(name, spec.directory)
    where = f"{path}, which data.{name}.directory in params.yaml or {paths.variable(name)} names,"
    if not path.exists():
        raise BadInput(f"{where} is missing; {how_to_get}")
    if path.is_dir() and not any(path.iterdir()):
        raise BadInput(f"{where} is empty; {how_to_get}")
    return path
