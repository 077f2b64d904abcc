"""What every data set is checked for, whatever module reads it: its classes, its names, and each frame."""

import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any, get_args

import numpy as np

from pipeline.config.types import Split
from pipeline.data.base import IGNORE, MOST_PIXELS, Class, Sample
from pipeline.utils.errors import BadInput

NEEDED = ("CLASSES", "SPLITS", "HOW_TO_GET", "FRAMES")
"""What a module of pipeline/data/sets that reads labelled frames holds."""
SHOWN = "docs/adding.md shows what a data set needs"


@contextmanager
def foreign(what: str) -> Iterator[None]:
    """Say in which line a module that someone added failed, as `BadInput`."""
    try:
        yield
    except BadInput:
        raise
    except Exception as error:
        steps = traceback.extract_tb(error.__traceback__)
        own = [step for step in steps if "site-packages" not in step.filename and not step.filename.startswith("<")]
        where = f"{own[-1].filename}, line {own[-1].lineno}"
        said = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise BadInput(f"{what} failed in {where} ({said}); correct it, or see the traceback with --debug") from error


def check_module(module: ModuleType) -> None:
    """Raise `BadInput` if a module lacks what a set of labelled frames needs, or holds something else there."""
    missing = [name for name in NEEDED if not hasattr(module, name)]
    if missing:
        raise BadInput(f"{module.__file__} lacks {', '.join(missing)}; {SHOWN}")
    splits = module.SPLITS
    if not _unique(splits) or not set(splits) <= set(get_args(Split)):
        raise BadInput(f"{module.__file__}: SPLITS is {splits!r}; it must hold some of train, val and test, each once")
    checked_classes(module.CLASSES, f"{module.__file__}: CLASSES")


def checked_classes(classes: Sequence[Any], where: str, most: int = IGNORE) -> tuple[Class, ...]:
    """The classes of a set, if each has a name of its own and a colour. A label is one byte, and 255 is void."""
    if not 1 <= len(classes) <= most:
        raise BadInput(f"{where} holds {len(classes)} classes; 1 to {most} are allowed")
    for entry in classes:
        name, colour = entry if isinstance(entry, tuple) and len(entry) == 2 else (None, None)
        if not isinstance(name, str) or not name.isprintable() or not 1 <= len(name) <= 64:
            raise BadInput(f"{where}: {entry!r:.80} must be Class(name, colour), its name 1 to 64 printable letters")
        if not isinstance(colour, tuple) or len(colour) != 3 or not all(part in range(256) for part in colour):
            raise BadInput(f"{where}: the colour of {name} is {colour!r:.60}; it must be three numbers from 0 to 255")
    names = [name for name, _ in classes]
    if not _unique(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise BadInput(f"{where} names the class {twice} twice; rename one")
    return tuple(Class(*entry) for entry in classes)


def checked_names(names: Any, split: str, data: str) -> list[str]:
    """The names of a split's frames, if there are some and each stands there once."""
    if not isinstance(names, Sequence) or isinstance(names, str) or not all(isinstance(name, str) for name in names):
        raise BadInput(f"data.{data}: names({split!r}) must return a list of names; {SHOWN}")
    if not names:
        raise BadInput(f"data.{data} has no frames in {split}; add some, or take {split} out of its SPLITS")
    if not _unique(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise BadInput(f"the frame {twice} occurs twice in {split} of data.{data}; keep one file or one line")
    return list(names)


def checked_frame(sample: Sample, classes: tuple[Class, ...], frame: str) -> Sample:
    """A frame as it is stored, if image, label and instances fit each other and every label is a class or void."""
    if not isinstance(sample, tuple) or len(sample) != len(Sample._fields):
        raise BadInput(f"the frame {frame} is {type(sample).__name__}; read must return a Sample; {SHOWN}")
    image, label, instances, file = sample
    where = f"{file} (frame {frame})" if file else f"the frame {frame}"
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise BadInput(f"{where} has an image of {_kind(image)}; it must be rows x columns x 3 of uint8, in RGB")
    if not 0 < image.shape[0] * image.shape[1] <= MOST_PIXELS:
        raise BadInput(f"{where} has an image of {_kind(image)}; 1 to {MOST_PIXELS:,} pixels are allowed; resize it")
    label = _integers(label, image, f"{where} has a label", np.uint8)
    if instances is not None:
        instances = _integers(instances, image, f"{where} has instances", np.uint16)
    wrong = label[(label >= len(classes)) & (label != IGNORE)]
    if wrong.size:
        raise BadInput(
            f"{where} has the label {wrong[0]} in {wrong.size:,} pixels, but there are {len(classes)} classes: labels "
            f"are 0 to {len(classes) - 1}, or {IGNORE} for void; correct it, or add the class"
        )
    return Sample(image, label, instances, file)


def check_labelled(pixels: Sequence[int], split: str, data: str) -> None:
    """Raise `BadInput` if no pixel of a split has a class: neither a loss nor a score can be computed from it."""
    if not sum(pixels):
        raise BadInput(f"no pixel in {split} of data.{data} is labelled, all are void; check its labels")


def _integers(array: Any, image: np.ndarray, what: str, stored: type) -> np.ndarray:
    """Rows x columns of integers, as they are stored."""
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "iu" or array.ndim != 2:
        raise BadInput(f"{what} of {_kind(array)}; it must be rows x columns of integers, one number per pixel")
    if array.shape != image.shape[:2]:
        (rows, columns), (wanted_rows, wanted_columns) = array.shape, image.shape[:2]
        raise BadInput(
            f"{what} of {columns}x{rows} pixels, but its image has {wanted_columns}x{wanted_rows}; make both alike"
        )
    least, most = int(array.min()), int(array.max())
    if least < 0 or most > np.iinfo(stored).max:
        raise BadInput(f"{what} with the number {least if least < 0 else most}; 0 to {np.iinfo(stored).max} fit")
    return array.astype(stored, copy=False)


def _kind(array: Any) -> str:
    if not isinstance(array, np.ndarray):
        return type(array).__name__
    return f"{' x '.join(map(str, array.shape))} {array.dtype}"


def _unique(values: Sequence[Any]) -> bool:
    return len(values) > 0 and len(set(values)) == len(values)
