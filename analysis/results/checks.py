"""Whether a study's records say what its files give."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from analysis.results import recomputed, recounted
from analysis.results.files import Files
from analysis.results.origins import FLOOR, SCORES, TRAIN
from pipeline.config import paths
from pipeline.utils.records import Record

CONFUSION, PREDICTIONS = f"{paths.RUN}/confusion.npz", f"{paths.RUN}/predictions.npz"

Run = tuple[str, int]
ByRun = dict[Run, dict[str, np.ndarray]]
"""Arrays of each run, (variant, seed)."""


def pixels_of(manifest: Record | None, split: str) -> list[int] | None:
    """The labelled pixels of each class in a split, by the manifest of the data."""
    return manifest and manifest["result"]["splits"][split]["class_pixels"]


def recompute(
    files: Files, confusion: ByRun, curves: dict[Run, pd.DataFrame], shown: ByRun, pixels: list[int] | None
) -> Iterator[str]:
    """A sentence for each number of a record that its arrays do not give."""
    for run, arrays in confusion.items():
        path = files.place(SCORES, run)
        yield from recomputed.scores(path, files.seen[path], arrays)
    for run, curve in curves.items():
        path = files.place(TRAIN, run)
        yield from recomputed.training(path, files.seen[path], curve)
    for run, arrays in shown.items():
        yield from recomputed.predictions(files.place(PREDICTIONS, run), arrays, confusion[run]["confusion"])
    matrices = {files.place(CONFUSION, run): arrays["confusion"] for run, arrays in confusion.items()}
    yield from recomputed.truth(matrices, pixels)
    floor = files.place(FLOOR)
    yield from recomputed.floor(floor, files.seen[floor], pixels)
    for path, record in files.seen.items():
        if record["stage"] in recounted.BY_STAGE:
            yield from recounted.BY_STAGE[record["stage"]](path, record)
