"""The graph of a study: which stage makes which files from which, with which parameters and sources.

Snakefile asks this module; dvc.yaml says the same by hand, and tests/test_graph.py holds one against the other.
"""

import ast
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path

from pipeline import paths
from pipeline.params import Params

FIGURES = ("accuracy_vs_gflops", "accuracy_vs_latency", "curves", "per_class", "trade_off")
PICTURES = ("qualitative", "networks")
TABLES = ("accuracy", "structures")


@dataclass(frozen=True)
class Stage:
    """One box of the graph; patterns are filled with a job's wildcards.

    `record` is the first output: JSON that says with what the others were made. An input pattern may hold wildcards
    that the job does not have (a study's variants and seeds): it stands for one file for each of them.
    """

    module: str
    wildcards: tuple[str, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    params: tuple[str, ...]

    @property
    def record(self) -> str:
        return self.outputs[0]


def _run(*names: str) -> tuple[str, ...]:
    return tuple(f"{paths.RUN}/{name}" for name in names)


def _results(folder: str, names: tuple[str, ...], *endings: str) -> tuple[str, ...]:
    return tuple(f"{paths.RESULTS}/{folder}/{name}.{ending}" for name in names for ending in endings)


_TRAINING = "recipes.{recipe}.training"
_IMAGES_MANIFEST = paths.MANIFEST.replace("{data}", "{images}")

STAGES = {
    "prepare": Stage(
        "pipeline.prepare", ("data",), (), (paths.MANIFEST,), ("data.{data}",),
    ),
    "pretrain": Stage(
        "pipeline.pretrain", ("images", "recipe", "backbone"),
        (_IMAGES_MANIFEST,),
        tuple(f"{paths.PRETRAINED}/{name}" for name in ("pretrain.json", "curve.csv", paths.WEIGHTS)),
        ("recipes.{recipe}.pretraining",),
    ),
    "train": Stage(
        "pipeline.train", ("data", "images", "recipe", "variant", "seed"),
        (paths.MANIFEST, f"{paths.PRETRAINED}/{paths.WEIGHTS}"),
        _run("train.json", "curve.csv", paths.WEIGHTS),
        (_TRAINING, "variants.{variant}"),
    ),
    "evaluate": Stage(
        "pipeline.evaluate", ("data", "images", "recipe", "variant", "seed"),
        (paths.MANIFEST, f"{paths.RUN}/{paths.WEIGHTS}"),
        _run("scores.json", "confusion.npz", "predictions.npz"),
        ("evaluation", f"{_TRAINING}.score", f"{_TRAINING}.frame_size", "variants.{variant}"),
    ),
    "floor": Stage(
        "pipeline.floor", ("data", "recipe"),
        (paths.MANIFEST,),
        (f"{paths.FLOOR}/floor.json",),
        ("floor", f"{_TRAINING}.score", f"{_TRAINING}.splits"),
    ),
    "complexity": Stage(
        "pipeline.complexity", ("data", "recipe", "variant"),
        (),
        (paths.COMPLEXITY,),
        ("complexity", "data.{data}.kind", f"{_TRAINING}.frame_size", "variants.{variant}"),
    ),
    "latency": Stage(
        "pipeline.latency", ("study",),
        (paths.COMPLEXITY,),
        (f"{paths.RESULTS}/latency.json",),
        ("latency", "study.variants", "data.{data}.kind", f"{_TRAINING}.frame_size"),
    ),
    "analyse": Stage(
        "analysis.study", ("study",),
        (
            *_run("train.json", "curve.csv", "scores.json", "confusion.npz", "predictions.npz"),
            paths.MANIFEST, f"{paths.FLOOR}/floor.json", paths.COMPLEXITY, f"{paths.RESULTS}/latency.json",
            *(f"{paths.PAPER}/table{number}.csv" for number in (2, 3, 4, 5)),
        ),
        (
            f"{paths.RESULTS}/analysis.json",
            f"{paths.RESULTS}/metrics.json",
            *_results("tables", TABLES, "csv", "md"),
            *_results("figures", FIGURES, "svg", "png"),
            *_results("figures", PICTURES, "png"),
        ),
        ("study",),
    ),
    "track": Stage(
        "pipeline.tracking", ("study",),
        (
            *_run("train.json", "curve.csv", "scores.json", "predictions.npz"),
            paths.COMPLEXITY, f"{paths.RESULTS}/latency.json", f"{paths.RESULTS}/analysis.json",
        ),
        (f"{paths.RESULTS}/mlflow.json",),
        ("study",),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Job:
    """One stage for one choice of wildcards, with every path and parameter key filled in."""

    stage: str
    wildcards: dict[str, str]
    inputs: tuple[Path, ...]
    outputs: tuple[Path, ...]
    params: tuple[str, ...]

    @property
    def record(self) -> Path:
        return self.outputs[0]

    @property
    def folder(self) -> Path:
        """The folder of its outputs."""
        return self.record.parent

    @property
    def command(self) -> str:
        """What both engines run."""
        return " ".join(["python -m pipeline", self.stage, *self.wildcards.values()])

    @property
    def name(self) -> str:
        return " ".join([self.stage, *self.wildcards.values()])


def jobs(params: Params) -> list[Job]:
    """Every job of the study, in an order in which they can run."""
    study = _space(params)
    return [
        job(params, stage, dict(zip(spec.wildcards, values, strict=True)))
        for stage, spec in STAGES.items()
        for values in product(*(_values(stage, wildcard, study) for wildcard in spec.wildcards))
    ]


def job(params: Params, stage: str, wildcards: dict[str, str]) -> Job:
    """One job; wildcards that a pattern holds and the job does not take all the study's values."""
    spec, study = STAGES[stage], _space(params)
    space = {name: [str(wildcards[name])] if name in wildcards else values for name, values in study.items()}
    if "variant" in wildcards and "backbone" not in wildcards:
        space["backbone"] = [params.variants[wildcards["variant"]].backbone]
    return Job(
        stage,
        wildcards,
        tuple(Path(path) for pattern in spec.inputs for path in _expand(pattern, space)),
        tuple(Path(path) for pattern in spec.outputs for path in _expand(pattern, space)),
        tuple(key for pattern in spec.params for key in _expand(pattern, space)),
    )


def sources(stage: str) -> list[Path]:
    """The project's modules that a stage's module imports, directly or not, itself and their packages included."""
    found: set[Path] = set()
    waiting = [STAGES[stage].module]
    while waiting:
        module = waiting.pop()
        path = _file(module)
        if path and path not in found:
            found.add(path)
            waiting += [*_imports(path), module.rpartition(".")[0]]
    return sorted(found)


def _space(params: Params) -> dict[str, list[str]]:
    study = params.study
    space = {"study": [study.name], "data": [study.data], "images": [study.images], "recipe": [study.recipe]}
    space |= {"backbone": study.backbones, "variant": study.variants, "seed": [str(seed) for seed in study.seeds]}
    return space


def _values(stage: str, wildcard: str, study: dict[str, list[str]]) -> list[str]:
    # Both what is segmented and what is pretrained on is prepared by the same stage.
    both = stage == "prepare" and wildcard == "data"
    return list(dict.fromkeys(study["data"] + study["images"])) if both else study[wildcard]


def _expand(pattern: str, space: dict[str, list[str]]) -> list[str]:
    names = [name for name in space if f"{{{name}}}" in pattern]
    return [pattern.format(**dict(zip(names, values, strict=True))) for values in product(*(space[n] for n in names))]


def _file(module: str) -> Path | None:
    if not module:
        return None
    path = Path(*module.split("."))
    candidates = (path.with_suffix(".py"), path / "__init__.py")
    return next((candidate for candidate in candidates if candidate.exists()), None)


@cache
def _imports(path: Path) -> list[str]:
    """Modules that a file imports anywhere but under `if TYPE_CHECKING` (those are never executed)."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    modules: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return modules
