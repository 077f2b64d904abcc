"""Numbers in records against what they were computed from, and records against each other."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from analysis.results import recomputed, records, recounted
from analysis.results.origins import FLOOR, SCORES, TRAIN
from pipeline.config import paths
from pipeline.utils.records import AGAIN, Record
from pipeline.verification.check import Check
from pipeline.verification.study import Verified

PLACES = {"train": TRAIN, "evaluate": SCORES, "floor": FLOOR, "complexity": paths.COMPLEXITY}
"""Where the records of a stage lie. Pretrained backbones and manifests have been elsewhere in earlier records."""


def scores(study: Verified) -> Iterator[Check]:
    """Scores against matrices, matrices against kept predictions, and labels against those of the other runs."""
    all_scores = Check("scores", "confusion matrices and objects")
    drawn = Check("kept predictions", "confusion matrices of their frames")
    evaluated = study.of("evaluate")
    matrices: dict[Path, np.ndarray] = {}
    for path, record in evaluated.items():
        if study.has_arrays(record):
            all_scores.each(_scores, path, record, matrices)
            drawn.each(_predictions, path, record, matrices)
    left = len(evaluated) - all_scores.count
    all_scores.unchecked = f"the matrices of {left} trials are not kept" if left else ""
    yield from (all_scores, drawn, _labels(study, matrices))


def _scores(path: Path, record: Record, matrices: dict[Path, np.ndarray]) -> Iterator[str]:
    arrays = records.arrays(record, path.with_name("confusion.npz"))
    matrices[path] = arrays["confusion"]
    yield from recomputed.scores(path, record, arrays)


def _predictions(path: Path, record: Record, matrices: dict[Path, np.ndarray]) -> Iterator[str]:
    place = path.with_name("predictions.npz")
    shown = records.arrays(record, place)
    if path in matrices:
        yield from recomputed.predictions(place, shown, matrices[path])


def _labels(study: Verified, matrices: dict[Path, np.ndarray]) -> Check:
    """Trials are scored on another split than the runs that they serve."""
    check = Check("scored labels", "other runs and the manifest", len(matrices))
    by_split: dict[str, dict[Path, np.ndarray]] = {}
    for path, matrix in matrices.items():
        by_split.setdefault(study.records[path]["result"]["split"], {})[path] = matrix
    for split, found in by_split.items():
        check.each(recomputed.truth, found, study.pixels(split), count=0)
    return check


def training(study: Verified) -> Iterator[Check]:
    """Losses against curves, and learning rates against the trials that they were chosen by."""
    curves = Check("epochs and losses", "training curves")
    rates = Check("chosen learning rates", "scores of their trials")
    for path, record in study.of("train").items():
        curves.each(_curve, path, record)
        if "learning_rates" in record["result"]:
            rates.each(_rates, study, path, record)
    yield curves
    if rates.count:
        yield rates


def _curve(path: Path, record: Record) -> Iterator[str]:
    yield from recomputed.training(path, record, records.table(record, path.with_name("curve.csv")))


def _rates(study: Verified, path: Path, record: Record) -> Iterator[str]:
    result, scored = record["result"], {}
    said = result["learning_rates"]
    for place in map(study.files.at, record["inputs"]):
        trained = study.records.get(place.with_name("train.json"))
        if place.name == "scores.json" and place in study.records and trained:
            scored[str(trained["result"]["learning_rate"])] = study.records[place]["result"]["miou"]
    if said != scored:
        yield f"{path} says learning_rates = {said}, but the records of its trials say {scored}; {AGAIN}"
    best = float(max(said, key=lambda rate: said[rate]))
    if result["learning_rate"] != best:
        yield f"{path} says learning_rate = {result['learning_rate']}, but {best} scored best; {AGAIN}"


def counts(study: Verified) -> Iterator[Check]:
    """Times against samples, MACs against their parts, and the floor against its matrix."""
    times, macs = Check("times and rates", "their samples"), Check("MACs and parameters", "their sums, other counters")
    for check, stages in ((times, ("latency", "forms")), (macs, ("complexity", "paper"))):
        for path, record in study.of(*stages).items():
            check.each(recounted.BY_STAGE[record["stage"]], path, record)
        yield check
    floor = Check("floor", "its matrix or mean, pixels of classes")
    for path, record in study.of("floor").items():
        floor.each(recomputed.floor, path, record, study.pixels(record["result"]["split"]))
    yield floor


def each_other(study: Verified) -> Iterator[Check]:
    """Records against each other: parameters, and the digests of files that several name."""
    check = Check("records", "each other's digests, parameters", len(study.records), list(study.unreadable))
    check.each(_in_place, study, count=0)
    check.each(records.agree, study.records, study.files.at, count=0)
    yield check


def _in_place(study: Verified) -> Iterator[str]:
    """Records that say that they belong elsewhere: those of another seed or variant."""
    for path, record in study.records.items():
        pattern = PLACES.get(record["stage"])
        if pattern and (own := study.files.at(paths.fill(pattern, **record["wildcards"]))) != path:
            yield f"{path} belongs to {own}, by its wildcards; delete it and {AGAIN}"
