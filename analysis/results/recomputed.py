"""What records say, held against what their arrays and curves give.

Every function yields one sentence for each difference. A key that a record lacks is not compared, because records of
earlier code have fewer scores.
"""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.results.compared import differences
from pipeline.utils.confusion import SCORES, always, recall_by_size
from pipeline.utils.confusion import scores as scores_of
from pipeline.utils.records import AGAIN, Record

Arrays = Mapping[str, np.ndarray]


def scores(path: Path, record: Record, arrays: Arrays) -> Iterator[str]:
    """Hold a score record against its confusion.npz: every score of the whole frames, the borders and the objects."""
    result, params, file = record["result"], record["params"], path.with_name("confusion.npz")
    names = list(result["iou"])
    lacking = [name for name in ("confusion", "border", "objects") if name not in arrays]
    if lacking or arrays["confusion"].shape[1:] != (len(names), len(names)):
        what = f"has no array {lacking[0]}" if lacking else f"has matrices of {arrays['confusion'].shape[1]} classes"
        yield f"{path} says the scores of {len(names)} classes, but {file} {what}; {AGAIN}"
        return
    border = scores_of(arrays["border"].sum(0), names)
    given = {
        "frames": len(arrays["confusion"]),
        **scores_of(arrays["confusion"].sum(0), names),
        "border": {key: border[key] for key in (*SCORES, "iou")},
        "objects": {"bins": recall_by_size(arrays["objects"], params["evaluation"]["sizes"])},
    }
    yield from differences(path, result, given, str(file))
    yield from _consistent(file, arrays, result["objects"]["source"])


def _consistent(file: Path, arrays: Arrays, source: str) -> Iterator[str]:
    """The three arrays count the same pixels: the border band and the objects are parts of the frames."""
    whole = arrays["confusion"]
    if (arrays["border"] > whole).any():
        yield f"{file} counts more pixels near borders than in whole frames; {AGAIN}"
    frame, label, pixels, correct = arrays["objects"].T
    if source != "components":
        return  # an annotated instance may hold pixels of several classes
    for what, counted, there in (
        ("pixels", pixels, whole.sum(-1)),
        ("correct pixels", correct, np.diagonal(whole, axis1=1, axis2=2)),
    ):
        found = np.zeros(there.shape, np.int64)
        np.add.at(found, (frame, label), counted)
        classes = np.unique(label)
        for row, column in np.argwhere(found[:, classes] != there[:, classes])[:1]:
            each = classes[column]
            yield (
                f"{file} has {found[row, each]} {what} in the objects of class {each} of frame {row}, but "
                f"{there[row, each]} in its confusion matrix; {AGAIN}"
            )


def predictions(file: Path, shown: Arrays, confusion: np.ndarray) -> Iterator[str]:
    """Hold the displayed predictions against their frames' matrices: no class may have more pixels in the matrix."""
    for index, prediction in zip(shown["index"], shown["predictions"], strict=True):
        drawn = np.bincount(prediction.ravel(), minlength=confusion.shape[-1])
        counted = confusion[index].sum(0)
        for label in np.flatnonzero(drawn < counted)[:1]:
            yield (
                f"{file} shows {drawn[label]} pixels of class {label} in frame {index}, but confusion.npz counts "
                f"{counted[label]}; {AGAIN}"
            )


def truth(confusion: Mapping[Path, np.ndarray], pixels: list[int] | None = None) -> Iterator[str]:
    """Hold the true pixels of all runs against each other and, if known, against the classes' `pixels` in the data."""
    first = next(iter(confusion))
    expected = confusion[first].sum(-1)
    for path, found in confusion.items():
        if not np.array_equal(found.sum(-1), expected):
            yield f"{path} was scored on other labels than {first}: the pixels of the classes differ; {AGAIN}"
    if pixels is not None and expected.sum(0).tolist() != pixels:
        yield f"{first} was scored on other labels than the manifest of the data counts; {AGAIN}"


def training(path: Path, record: Record, curve: pd.DataFrame) -> Iterator[str]:
    """Hold a training's record against its curve."""
    loss = float(curve["loss"].iloc[-1]) if len(curve) else math.nan
    given = {"epochs": len(curve)} | ({"loss": loss} if math.isfinite(loss) else {})
    said = record["result"] | record["result"].get("health", {}).get("last", {})
    for result in (record["result"], said):
        yield from differences(path, result, given, str(path.with_name("curve.csv")))


def floor(path: Path, record: Record, pixels: list[int] | None = None) -> Iterator[str]:
    """Hold the floor's record against its confusion matrix or, in earlier records, against what it still says itself.

    `pixels` are those of each class in the data, on which the scores of the majority class depend.
    """
    result, names = record["result"], list(record["result"]["iou"])
    if "confusion" in result:
        confusion = np.array(result["confusion"])
        yield from differences(path, result, scores_of(confusion, names), "its confusion matrix")
        pixels = confusion.sum(1).tolist() if pixels is None else pixels
        if confusion.sum(1).tolist() != pixels:
            yield f"{path} was scored on other labels than the manifest of the data counts; {AGAIN}"
    else:
        found = [value for value in result["iou"].values() if value is not None]
        yield from differences(path, result, {"miou": float(np.mean(found))}, "the mean of its IoU")
    if pixels is not None:
        constant = scores_of(always(names.index(result["majority"]["class"]), np.array(pixels)), names)
        given = {"majority": {name: constant[name] for name in SCORES}}
        yield from differences(path, result, given, "the pixels of the classes")
