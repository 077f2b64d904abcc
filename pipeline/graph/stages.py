"""The stages of a study: what each takes, makes and depends on. Snakefile and dvc.yaml state the same in full."""

from collections.abc import Mapping
from dataclasses import dataclass

from analysis.registry import FIGURES, TABLES, Output
from pipeline.config import paths

Patterns = dict[str, str | tuple[str, ...]]
"""Paths by what they are to the stage, with `{wildcards}` in them."""


@dataclass(frozen=True)
class Stage:
    """One box of the graph.

    A pattern may hold wildcards that a job of the stage does not have (the study's variants and seeds); it then stands
    for one path for each of their values. `outputs["record"]` is JSON that says with what all outputs were made.
    `params` are keys of params.yaml; "pretraining" is the section of a recipe that the wildcard `pretraining` names.
    """

    summary: str
    module: str
    wildcards: tuple[str, ...]
    inputs: Patterns
    outputs: Patterns
    params: tuple[str, ...]

    @property
    def output_patterns(self) -> list[str]:
        """All outputs, the record first."""
        groups = self.outputs.values()
        return [path for group in groups for path in ((group,) if isinstance(group, str) else group)]


def _files(folder: str, registered: Mapping[str, Output]) -> tuple[str, ...]:
    return tuple(f"{paths.RESULTS}/{folder}/{name}.{kind}" for name in registered for kind in registered[name].formats)


RUN_FILES = ("train.json", "curve.csv", "scores.json", "confusion.npz", "predictions.npz")
"""What the analysis reads of a run."""
_RUN = ("data", "images", "recipe", "variant", "seed")
_TRAINING = "recipes.{recipe}.training"

STAGES = {
    "prepare": Stage(
        summary="Read a published data set, check it, and store it as arrays.",
        module="pipeline.data.prepare",
        wildcards=("data",),
        inputs={},
        outputs={"record": paths.MANIFEST},
        params=("data.{data}",),
    ),
    "pretrain": Stage(
        summary="Train a backbone to classify images.",
        module="pipeline.training.pretrain",
        wildcards=("images", "pretraining", "backbone"),
        inputs={"images": paths.MANIFEST.replace("{data}", "{images}")},
        outputs={
            "record": f"{paths.PRETRAINED}/pretrain.json",
            "curve": f"{paths.PRETRAINED}/curve.csv",
            "weights": f"{paths.PRETRAINED}/{paths.WEIGHTS}",
        },
        params=("pretraining",),
    ),
    "train": Stage(
        summary="Train one variant with one seed.",
        module="pipeline.training.train",
        wildcards=_RUN,
        inputs={
            "frames": paths.MANIFEST,
            "pretrained": f"{paths.PRETRAINED}/{paths.WEIGHTS}",  # none where the study trains from scratch
            "trials": f"{paths.GRID}/scores.json",  # none where the recipe has a number for its learning rate
        },
        outputs={
            "record": f"{paths.RUN}/train.json",
            "curve": f"{paths.RUN}/curve.csv",
            "weights": f"{paths.RUN}/{paths.WEIGHTS}",
        },
        params=(_TRAINING, "variants.{variant}"),
    ),
    "evaluate": Stage(
        summary="Score a trained network on the split that its recipe reports.",
        module="pipeline.evaluation.evaluate",
        wildcards=_RUN,
        inputs={"frames": paths.MANIFEST, "weights": f"{paths.RUN}/{paths.WEIGHTS}"},
        outputs={
            "record": f"{paths.RUN}/scores.json",
            "confusion": f"{paths.RUN}/confusion.npz",
            "predictions": f"{paths.RUN}/predictions.npz",
        },
        params=("evaluation", f"{_TRAINING}.score", f"{_TRAINING}.frame_size", "variants.{variant}"),
    ),
    "floor": Stage(
        summary="Fit the per-pixel classifier that every network should beat.",
        module="pipeline.evaluation.floor",
        wildcards=("data", "recipe"),
        inputs={"frames": paths.MANIFEST},
        outputs={"record": f"{paths.FLOOR}/floor.json"},
        params=("floor", f"{_TRAINING}.score", f"{_TRAINING}.splits"),
    ),
    "complexity": Stage(
        summary="Count the MACs and parameters of a variant.",
        module="pipeline.complexity.macs",
        wildcards=("data", "recipe", "variant"),
        inputs={},
        outputs={"record": paths.COMPLEXITY},
        params=("complexity", "data.{data}.kind", f"{_TRAINING}.frame_size", "variants.{variant}"),
    ),
    "paper": Stage(
        summary="Count the networks of the paper's claims at the paper's sizes.",
        module="pipeline.complexity.paper",
        wildcards=(),
        inputs={"claims": paths.CLAIMS},
        outputs={"record": paths.PAPER_COMPLEXITY},
        params=("variants.{claimed}",),
    ),
    "interpretations": Stage(
        summary="Compare all interpretations of the paper with its MACs and parameters.",
        module="pipeline.complexity.interpretations",
        wildcards=(),
        inputs={"claims": paths.CLAIMS},
        outputs={"record": paths.INTERPRETATIONS},
        params=("variants.{claimed}",),
    ),
    "latency": Stage(
        summary="Time a study's variants side by side.",
        module="pipeline.timing.latency",
        wildcards=("study",),
        inputs={},
        outputs={"record": f"{paths.RESULTS}/latency.json"},
        params=(
            "latency",
            "study.variants",
            "study.timed_at",
            "study.timed_over",
            "data.{data}.kind",
            f"{_TRAINING}.frame_size",
            "variants.{variant}",
        ),
    ),
    "forms": Stage(
        summary="Time and score the deployment forms of a variant.",
        module="pipeline.deployment.forms",
        wildcards=("study", "variant"),
        inputs={"frames": paths.MANIFEST, "weights": f"{paths.RUN}/{paths.WEIGHTS}".replace("{seed}", "{first_seed}")},
        outputs={"record": paths.FORMS},
        params=(
            "latency",
            "study.timed_at",
            "data.{data}.kind",
            f"{_TRAINING}.score",
            f"{_TRAINING}.frame_size",
            "variants.{variant}",
        ),  # fmt: skip
    ),
    "analyse": Stage(
        summary="Write a study's tables, figures and report.",
        module="analysis.study",
        wildcards=("study",),
        inputs={
            "runs": tuple(f"{paths.RUN}/{name}" for name in RUN_FILES),
            "frames": paths.MANIFEST,
            "floor": f"{paths.FLOOR}/floor.json",
            "complexity": paths.COMPLEXITY,
            "latency": f"{paths.RESULTS}/latency.json",
            "forms": paths.FORMS.replace("{variant}", "{formed}"),
            "paper": (paths.CLAIMS, paths.TOLERANCES),
            "counted": (paths.PAPER_COMPLEXITY, paths.INTERPRETATIONS),
        },
        outputs={
            "record": f"{paths.RESULTS}/analysis.json",
            "metrics": tuple(
                f"{paths.RESULTS}/metrics/{name}.json" for name in ("{variant}", "floor", "majority-class")
            ),
            "curves": tuple(f"{paths.RESULTS}/curves/{name}.csv" for name in ("loss", "accuracy")),
            "tables": _files("tables", TABLES),
            "figures": _files("figures", FIGURES),
            "report": f"{paths.RESULTS}/report.html",
        },
        params=("study",),
    ),
    "track": Stage(
        summary="Write a study's runs to MLflow.",
        module="pipeline.tracking.track",
        wildcards=("study",),
        inputs={"analysis": f"{paths.RESULTS}/analysis.json"},  # holds the digests of all results that are tracked
        outputs={"record": f"{paths.RESULTS}/mlflow.json"},
        params=("study",),
    ),
}

WILDCARDS = sorted({name for stage in STAGES.values() for name in stage.wildcards})
