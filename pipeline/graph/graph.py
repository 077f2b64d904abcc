"""The graph of a study: which stage makes which files from which, with which parameters and sources.

Snakefile asks this module and pipeline/graph/dvc.py writes dvc.yaml from it; test_graph.py holds them together.
"""

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path

from analysis.registry import FIGURES, TABLES, Output
from pipeline.config import claims, paths
from pipeline.config.data import FrameData
from pipeline.config.params import Params
from pipeline.config.study import NO_IMAGES
from pipeline.config.variants import Variant

ASSETS = (".html", ".css", ".js", ".rst")
"""What a package may hold besides modules that changes what it makes."""
BUILD = Path("models/build.py")


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
    summary: str = "Run a stage."

    @property
    def record(self) -> str:
        return self.outputs[0]


def _run(*names: str) -> tuple[str, ...]:
    return tuple(f"{paths.RUN}/{name}" for name in names)


def _results(folder: str, registered: Mapping[str, Output]) -> tuple[str, ...]:
    return tuple(f"{paths.RESULTS}/{folder}/{name}.{kind}" for name in registered for kind in registered[name].formats)


_TRAINING = "recipes.{recipe}.training"
_IMAGES_MANIFEST = paths.MANIFEST.replace("{data}", "{images}")

STAGES = {
    "prepare": Stage(
        "pipeline.data.prepare", ("data",), (), (paths.MANIFEST,), ("data.{data}",),
    ),
    "pretrain": Stage(
        "pipeline.training.pretrain", ("images", "recipe", "backbone"),
        (_IMAGES_MANIFEST,),
        tuple(f"{paths.PRETRAINED}/{name}" for name in ("pretrain.json", "curve.csv", paths.WEIGHTS)),
        ("recipes.{recipe}.pretraining",),
    ),
    "train": Stage(
        "pipeline.training.train", ("data", "images", "recipe", "variant", "seed"),
        (paths.MANIFEST, f"{paths.PRETRAINED}/{paths.WEIGHTS}", f"{paths.GRID}/scores.json"),
        _run("train.json", "curve.csv", paths.WEIGHTS),
        (_TRAINING, "variants.{variant}"),
    ),
    "evaluate": Stage(
        "pipeline.evaluation.evaluate", ("data", "images", "recipe", "variant", "seed"),
        (paths.MANIFEST, f"{paths.RUN}/{paths.WEIGHTS}"),
        _run("scores.json", "confusion.npz", "predictions.npz"),
        ("evaluation", f"{_TRAINING}.score", f"{_TRAINING}.frame_size", "variants.{variant}"),
    ),
    "floor": Stage(
        "pipeline.evaluation.floor", ("data", "recipe"),
        (paths.MANIFEST,),
        (f"{paths.FLOOR}/floor.json",),
        ("floor", f"{_TRAINING}.score", f"{_TRAINING}.splits"),
    ),
    "complexity": Stage(
        "pipeline.complexity.macs", ("data", "recipe", "variant"),
        (),
        (paths.COMPLEXITY,),
        ("complexity", "data.{data}.kind", f"{_TRAINING}.frame_size", "variants.{variant}"),
    ),
    "paper": Stage(
        "pipeline.complexity.paper", (), (paths.CLAIMS,), (paths.PAPER_COMPLEXITY,), ("variants.{claimed}",),
    ),
    "interpretations": Stage(
        "pipeline.complexity.interpretations", (), (paths.CLAIMS,), (paths.INTERPRETATIONS,), ("variants.{claimed}",),
    ),
    "latency": Stage(
        "pipeline.timing.latency", ("study",),
        (paths.COMPLEXITY,),
        (f"{paths.RESULTS}/latency.json",),
        ("latency", "study.variants", "study.{sized}", "data.{data}.kind", f"{_TRAINING}.frame_size"),
    ),
    "forms": Stage(
        "pipeline.deployment.forms", ("study", "variant"),
        (),
        (paths.FORMS,),
        ("latency", "study.{sized}", "data.{data}.kind", f"{_TRAINING}.frame_size", "variants.{variant}"),
    ),
    "analyse": Stage(
        "analysis.study", ("study",),
        (
            *_run("train.json", "curve.csv", "scores.json", "confusion.npz", "predictions.npz"),
            paths.MANIFEST, f"{paths.FLOOR}/floor.json", paths.COMPLEXITY,
            f"{paths.RESULTS}/latency.json", paths.FORMS.replace("{variant}", "{formed}"),
            paths.CLAIMS, paths.TOLERANCES, paths.PAPER_COMPLEXITY, paths.INTERPRETATIONS,
        ),
        (
            f"{paths.RESULTS}/analysis.json",
            f"{paths.RESULTS}/metrics.json",
            *_results("tables", TABLES),
            *_results("figures", FIGURES),
            f"{paths.RESULTS}/report.html",
        ),
        ("study",),
    ),
    "track": Stage(
        "pipeline.tracking.track", ("study",),
        (f"{paths.RESULTS}/analysis.json",),  # which holds the digests of every result that is tracked
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
    sources: tuple[Path, ...]

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
    return [
        job(params, stage, dict(zip(STAGES[stage].wildcards, values, strict=True)))
        for stage, space in _choices(params)
        for values in product(*(space[wildcard] for wildcard in STAGES[stage].wildcards))
    ]


def job(params: Params, stage: str, wildcards: dict[str, str]) -> Job:
    """One job; wildcards that a pattern holds and the job does not take all the study's values."""
    spec = STAGES[stage]
    space = _space(params, **{name: [str(value)] for name, value in wildcards.items()})
    of = "claimed" if "{claimed}" in "".join(spec.params) else "variant"
    space["claimed"] = claims.variants() if of == "claimed" else []
    return Job(
        stage,
        wildcards,
        tuple(Path(path) for pattern in spec.inputs for path in _expand(pattern, space)),
        tuple(Path(path) for pattern in spec.outputs for path in _expand(pattern, space)),
        tuple(key for pattern in spec.params for key in _expand(pattern, space)),
        _sources(stage, space["data"][0], space[of], params),
    )


def _sources(stage: str, data: str, variants: list[str], params: Params) -> tuple[Path, ...]:
    """The modules that a job executes: its stage's, and those that are found by name (data sets, peers, figures)."""
    found = sources(STAGES[stage].module)
    if stage == "analyse":
        named = (sources(each.module) for each in (*FIGURES.values(), *TABLES.values()))
        return tuple(sorted({*found, *(path for paths in named for path in paths)}))
    if stage == "prepare" and isinstance(params.data[data], FrameData):
        return tuple(sorted({*found, *sources(params.data[data].module)}))
    if BUILD not in found:
        return found
    peers = {params.variants[name].module for name in variants if not isinstance(params.variants[name], Variant)}
    return tuple(sorted({*found, *peers}))


def sources(module: str) -> tuple[Path, ...]:
    """The project's modules that `module` imports, directly or not, itself and their packages included.

    What builds any network depends on all that lies in models/ itself: a peer may use any of it.
    """
    return _found(module, Path.cwd())


@cache
def _found(module: str, root: Path) -> tuple[Path, ...]:
    found: set[Path] = set()
    waiting = [module]
    while waiting:
        module = waiting.pop()
        path = _file(module)
        if path and path not in found:
            found.add(path)
            waiting += [*_imports(root / path), module.rpartition(".")[0]]
    if BUILD in found:
        found |= {*BUILD.parent.glob("*.py"), *BUILD.parent.glob("structures/*.py")}
    packages = [path.parent for path in found if path.name == "__init__.py"]
    return tuple(sorted(found | {path for folder in packages for path in folder.rglob("*") if path.suffix in ASSETS}))


def _space(params: Params, **chosen: list[str]) -> dict[str, list[str]]:
    """What each name in a pattern may stand for: the study's values, but those that are `chosen`."""
    study = params.study
    space = {"study": [study.name], "data": [study.data], "images": [study.images], "recipe": [study.recipe]}
    space |= {"variant": study.variants, "seed": [str(seed) for seed in study.seeds]}
    space |= chosen
    space |= {"formed": [study.forms] if study.forms else [], "sized": ["timed_at"] if study.timed_at else []}
    space["grid"] = params.recipes[space["recipe"][0]].training.grid
    return {"backbone": _backbones(params, space["variant"], space["images"]), **space}


def _choices(params: Params) -> list[tuple[str, dict[str, list[str]]]]:
    """Each stage with the values that it has jobs for, in an order in which they can run."""
    study, found = _space(params), []
    for stage in STAGES:
        if stage == "prepare":  # both what is segmented and what is pretrained on
            names = dict.fromkeys(study["data"] + study["images"])
            found.append((stage, study | {"data": [name for name in names if name != NO_IMAGES]}))
            continue
        if stage == "forms":
            found.append((stage, study | {"variant": study["formed"]}))
            continue
        if stage == "train":  # the runs that a learning rate is chosen from come first
            grids = [_space(params, recipe=[name], seed=["0"]) for name in study["grid"]]
            found += [(each, grid) for grid in grids for each in ("train", "evaluate")]
        found.append((stage, study))
    return found


def _backbones(params: Params, variants: list[str], images: list[str]) -> list[str]:
    """What is pretrained for these variants."""
    if images == [NO_IMAGES]:
        return []
    specs = [params.variants[name] for name in variants]
    return list(dict.fromkeys(spec.pretrained for spec in specs if isinstance(spec, Variant)))


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
