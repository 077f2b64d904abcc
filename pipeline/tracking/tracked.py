"""Reads what a run holds in MLflow from the result files. This module does not import MLflow."""

import csv
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.config import paths
from pipeline.config.params import Params, loaded, studies
from pipeline.config.study import NO_IMAGES, Study
from pipeline.data.reader import Prepared
from pipeline.graph import graph
from pipeline.graph.graph import Job
from pipeline.utils import pointers, records, text
from pipeline.utils.digests import sha256_of_json
from pipeline.utils.errors import BadInput
from pipeline.utils.scores import metrics as metrics_of

Metrics = dict[tuple[str, int], float]
"""Value by name and epoch. Values that a run has only once are at epoch 0, which MLflow draws as bars."""


@dataclass(frozen=True)
class Identity:
    """Identifies the run of a train job by its folder and all parameters that determine its weights."""

    job: Job
    made_with: dict[str, Any]
    studies: tuple[str, ...]

    @property
    def digest(self) -> str:
        """SHA-256 of the parameters as canonical JSON."""
        return sha256_of_json(self.made_with)

    @property
    def training(self) -> dict[str, Any]:
        """The recipe's training section."""
        return self.made_with[f"recipes.{self.job.wildcards['recipe']}.training"]

    @property
    def name(self) -> str:
        names = self.job.wildcards
        return f"{names['variant']} · seed {names['seed']} · {self.digest[:6]}"

    @property
    def parameters(self) -> dict[str, str]:
        """Parameters under names that all recipes and variants share, so that the columns of a table align."""
        names = self.job.wildcards
        short = {f"recipes.{names['recipe']}.": "", f"variants.{names['variant']}.": "network."}
        short |= {f"data.{names[part]}.": f"{part}." for part in ("data", "images")}
        known: dict[str, Any] = dict(names)
        for key, value in records.flatten(self.made_with).items():
            long = next((prefix for prefix in short if key.startswith(prefix)), "")
            known[short.get(long, "") + key.removeprefix(long)] = value
        return {key: str(value) for key, value in known.items()}


def known_studies(params: Params) -> list[Study]:
    """Return all studies; the requested one is as in `params`, with its changes."""
    return list(
        ({each.study.name: each.study for each in loaded(studies())} | {params.study.name: params.study}).values()
    )


def identify(job: Job, params: Params, among: list[Study], finished: bool) -> Identity:
    """Return the run that a train job will make or, if `finished`, the one that its record describes."""
    made_with: dict[str, Any] = {}
    for part in (*_before(job, params), job):
        recorded = part.record.exists() and (finished or part is not job)
        values = records.read(part.record)["params"] if recorded else part.params
        made_with |= {key: _without_place(value) for key, value in values.items()}
    return Identity(job, made_with, tuple(study.name for study in among if _contains(study, job.wildcards)))


def metrics(identity: Identity) -> Metrics:
    """Return the training curve by epoch, training health, scores, complexity, and latency in each study."""
    folder = identity.job.folder
    result = _result(folder / "train.json")
    curve = _curve(folder / "curve.csv")
    final = {f"training/{key}": result[key] for key in ("seconds", "frames_per_second", "frames_seen")}
    final |= _health(result) | scores_of(scores(identity)) | _complexity(identity.job) | _latency(identity)
    return curve | {(_allowed(key), 0): float(value) for key, value in final.items() if value is not None}


def conditions(identity: Identity) -> dict[str, str]:
    """Return the conditions of the results, and the checkpoint's SHA-256, as tags."""
    conditions, scored = records.read(identity.job.record)["conditions"], scores(identity)
    known = {f"conditions.{key}": value for key, value in records.flatten(conditions).items()}
    known |= {f"scored.{key}": scored[key] for key in ("split", "frames", "size", "input_size")}
    known |= {"diverged": scored["diverged"]} if "diverged" in scored else {}
    known |= {f"absent.{name}": "in neither truth nor prediction" for name in scored["absent"]}
    known |= {
        f"latency.{study}.stable": all(row["stable"] for row in _rows(identity, study)) for study in identity.studies
    }
    known["weights.sha256"] = weights_digest(identity)
    known["mlflow.source.git.commit"] = conditions["commit"]
    return {key: str(value) for key, value in known.items()}


def scores(identity: Identity) -> dict[str, Any]:
    """Return the result in the run's score record."""
    return _result(identity.job.folder / "scores.json")


def weights_digest(identity: Identity) -> str:
    """Return the checkpoint's SHA-256, as the run's record holds it."""
    return records.read(identity.job.record)["outputs"].get(str(identity.job.folder / paths.WEIGHTS), "unknown")


def span(identity: Identity) -> tuple[int, int]:
    """Return when training began and ended, in milliseconds since 1970."""
    record = records.read(identity.job.record)
    end = datetime.fromisoformat(record["conditions"]["finished"]).timestamp()
    return round(1000 * (end - record["result"]["seconds"])), round(1000 * end)


def figures(identity: Identity) -> Iterator[tuple[str, Path]]:
    """Yield (name of the study, file) for the figures of every study that contains the run."""
    for study in identity.studies:
        for path in sorted((paths.fill(paths.RESULTS, study=study) / "figures").glob("*.png")):
            yield study, path


def pictures(identity: Identity) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the name of each kept frame with frame, truth and prediction side by side, H x 3W x 3 RGB.

    Yields nothing if the prepared data is missing.
    """
    folder, job = paths.fill(paths.PREPARED, data=identity.job.wildcards["data"]), identity.job
    split = scores(identity)["split"]
    wanted = [job.folder / "predictions.npz", *(folder / f"{split}.{kind}.npy" for kind in ("images", "labels"))]
    if not all(is_here(path) for path in wanted):
        return
    prepared = Prepared(folder)
    palette = np.zeros((256, 3), np.uint8)
    palette[: len(prepared.classes)] = [entry.colour for entry in prepared.classes]
    with np.load(wanted[0]) as kept:
        for index, name, prediction in zip(kept["index"], kept["names"], kept["predictions"], strict=True):
            truth = palette[prepared.labels(split)[index]]
            yield str(name).replace("/", "_"), np.hstack([prepared.images(split)[index], truth, palette[prediction]])


def is_here(path: Path) -> bool:
    """Return whether a large file exists, and not only a pointer to it."""
    return path.exists() and not pointers.read(path)


def _before(job: Job, params: Params) -> list[Job]:
    """Return the jobs whose parameters affect what this job trains on and starts from."""
    names = job.wildcards
    frames = graph.job(params, "prepare", {"data": names["data"]})
    if names["images"] == NO_IMAGES:
        return [frames]
    pretrain = {"images": names["images"], "pretraining": graph.pretraining(params, names["recipe"])}
    pretrain["backbone"] = params.variants[names["variant"]].pretrained
    images = graph.job(params, "prepare", {"data": names["images"]})
    return [frames, images, graph.job(params, "pretrain", pretrain)]


def _without_place(value: Any) -> Any:
    # The location of the published files does not affect a run.
    return {key: entry for key, entry in value.items() if key != "directory"} if isinstance(value, dict) else value


def _contains(study: Study, names: dict[str, str]) -> bool:
    same = all(getattr(study, key) == names[key] for key in ("data", "images", "recipe"))
    return same and names["variant"] in study.variants and int(names["seed"]) in study.seeds


def _allowed(name: str) -> str:
    # MLflow rejects other characters, and names of GPUs may contain brackets.
    return re.sub(r"[^\w./: -]", "", name)


def _result(path: Path) -> dict[str, Any]:
    return records.read(path)["result"]


def _curve(path: Path) -> Metrics:
    if not path.exists():
        raise BadInput(f"{path} is missing; {records.AGAIN}")
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    names = [name for name in rows[0] if name != "epoch"]
    curve = {(f"training/{name}", int(row["epoch"])): float(row[name] or "nan") for row in rows for name in names}
    # The last loss of a diverged run is not finite, so it would never equal the value that was logged before.
    return {key: value for key, value in curve.items() if math.isfinite(value)}


def _health(result: dict[str, Any]) -> dict[str, float]:
    """Return every number in the training-health record of a run, under its name there."""
    found = records.flatten(result.get("health", {}))
    return {f"health/{key}": value for key, value in found.items() if isinstance(value, int | float)}


def scores_of(scored: dict[str, Any]) -> dict[str, float | None]:
    """Every score in the result of a score record, by its name in MLflow. None if the record lacks it."""
    found = {metric.tracked: metric.read(scored) for metric in metrics_of(scored)}
    found |= {f"iou/{text.metric(name)}": value for name, value in scored["iou"].items()}
    return {name: None if value is None or math.isnan(value) else value for name, value in found.items()}


def _complexity(job: Job) -> dict[str, float]:
    path = Path(paths.COMPLEXITY.format(**job.wildcards))
    if not path.exists():
        return {}
    result = _result(path)
    return {
        "complexity/parameters": result["parameters"],
        "complexity/megabytes": result["megabytes"],
        "complexity/gmacs": result["at"]["study"]["macs"] / 1e9,
        "complexity/gmacs at paper size": result["at"]["paper"]["macs"] / 1e9,
    }


def _latency(identity: Identity) -> dict[str, float]:
    return {
        f"latency/{study}/{row['device']} {row['mode']} {key}": row[key]
        for study in identity.studies
        for row in _rows(identity, study)
        for key in ("median_ms", "p99_ms", "fps")
    }


def _rows(identity: Identity, study: str) -> list[dict[str, Any]]:
    path = paths.fill(paths.RESULTS, study=study) / "latency.json"
    rows = _result(path)["rows"] if path.exists() else []
    return [row for row in rows if row["variant"] == identity.job.wildcards["variant"]]
