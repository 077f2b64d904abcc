"""The jobs of a study: the stages of stages.py with every path, parameter and source filled in."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from analysis.registry import FIGURES, TABLES
from pipeline.config import claims, paths
from pipeline.config.data import FrameData
from pipeline.config.params import Params, lookup
from pipeline.config.study import NO_IMAGES
from pipeline.config.variants import Variant
from pipeline.graph import sources
from pipeline.graph.stages import STAGES, Patterns, Stage
from pipeline.utils.digests import sha256_of_json

Space = dict[str, list[str]]
"""The values that each wildcard may have."""

BUILDER = Path("models/build.py")
"""Imports a network by name: a structure's module or a peer's."""


@dataclass(frozen=True)
class Job:
    """One stage for one choice of wildcards. `inputs` and `outputs` are by what they are to the stage."""

    stage: str
    wildcards: dict[str, str]
    inputs: dict[str, tuple[Path, ...]]
    outputs: dict[str, tuple[Path, ...]]
    params: dict[str, Any]
    sources: tuple[Path, ...]

    @property
    def record(self) -> Path:
        return self.outputs["record"][0]

    @property
    def folder(self) -> Path:
        """The folder of its outputs."""
        return self.record.parent

    @property
    def log(self) -> Path:
        """Everything that its stage said, and the traceback of what ended it."""
        return paths.work("logs", self.record).with_suffix(".log")

    @property
    def name(self) -> str:
        return " ".join([self.stage, *self.wildcards.values()])

    @property
    def command(self) -> str:
        """What the engines run."""
        return f"python -m pipeline {self.name}"

    @property
    def input_files(self) -> list[Path]:
        return [path for group in self.inputs.values() for path in group]

    @property
    def output_files(self) -> list[Path]:
        """All outputs, the record first."""
        return [path for group in self.outputs.values() for path in group]


def jobs(params: Params, only: str | None = None) -> list[Job]:
    """Every job of the study, or those of `only` one stage, in an order in which they can run."""
    return [
        job(params, stage, dict(zip(STAGES[stage].wildcards, values, strict=True)))
        for stage, space in _choices(params)
        if only in (None, stage)
        for values in product(*(space[wildcard] for wildcard in STAGES[stage].wildcards))
    ]


def job(params: Params, stage: str, wildcards: Mapping[str, object]) -> Job:
    """The job of a stage for some wildcards; the others in its patterns take all values that the study gives them."""
    spec, chosen = STAGES[stage], {name: str(value) for name, value in wildcards.items()}
    space = _space(params, **{name: [value] for name, value in chosen.items()})
    if "variants.{claimed}" in spec.params:
        space |= {"claimed": (claimed := claims.variants()), "variant": claimed}
    keys = [key for pattern in spec.params for key in _expand(pattern, space)]
    return Job(
        stage,
        chosen,
        _fill(spec.inputs, space),
        _fill(spec.outputs, space),
        {key: _value(params, key, space) for key in keys},
        _sources(params, spec, space),
    )


def trials(params: Params, train: Job) -> list[Job]:
    """The jobs that train and score the runs from which a training's learning rate is chosen."""
    grid = params.recipes[train.wildcards["recipe"]].training.grid
    runs = [train.wildcards | {"recipe": name, "seed": "0"} for name in grid]
    return [job(params, stage, run) for run in runs for stage in ("train", "evaluate")]


def pretraining(params: Params, recipe: str) -> str:
    """The name of a recipe's pretraining, e.g. "8-epochs-3f2a91".

    It is made from the parameters alone, so recipes that pretrain alike share one result, and a recipe that is added,
    moved or renamed leaves every result where it is. With a recipe's name in its place, the result would belong to
    whichever recipe comes first.
    """
    spec = params.recipes[recipe].pretraining
    return f"{spec.epochs}-epochs-{sha256_of_json(spec.model_dump(mode='json'))[:6]}"


def pretrainings(params: Params) -> dict[str, str]:
    """A recipe for each pretraining, by the pretraining's name."""
    return {pretraining(params, recipe): recipe for recipe in reversed(params.recipes)}


def backbones(params: Params) -> list[str]:
    """All that can be pretrained for the variants of params.yaml."""
    return _unique(spec.pretrained for spec in params.variants.values() if isinstance(spec, Variant))


def maker(path: Path) -> str | None:
    """The command that makes a file; None if no stage does."""
    for stage, spec in STAGES.items():
        for pattern in spec.output_patterns:
            form = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(pattern))
            found = re.fullmatch(form, str(path))
            if found:
                return " ".join(["python -m pipeline", stage, *(found[name] for name in spec.wildcards)])
    return None


def _value(params: Params, key: str, space: Space) -> Any:
    if key == "pretraining":
        key = f"recipes.{pretrainings(params)[space['pretraining'][0]]}.pretraining"
    return lookup(params, key)


def _sources(params: Params, spec: Stage, space: Space) -> tuple[Path, ...]:
    """The modules that a job executes: its stage's, and those found by name: data set, networks, figures."""
    found = sources.of([spec.module])
    if spec is STAGES["analyse"]:
        return sources.of([spec.module, *(output.module for output in (*FIGURES.values(), *TABLES.values()))])
    if spec is STAGES["prepare"] and isinstance(params.data[space["data"][0]], FrameData):
        return sources.of([spec.module, params.data[space["data"][0]].module])
    if BUILDER not in found:
        return found
    files = [params.variants[name].module for name in space["variant"]]
    return sources.of([spec.module, *map(sources.module, files)])


def _space(params: Params, **chosen: list[str]) -> Space:
    """What each wildcard may stand for: the study's values, except those that are `chosen`."""
    study = params.study
    space = {"study": [study.name], "data": [study.data], "images": [study.images], "recipe": [study.recipe]}
    space |= {"variant": study.variants, "seed": [str(seed) for seed in study.seeds]}
    space |= {"first_seed": [str(study.seeds[0])]}
    space |= {"formed": [study.forms] if study.forms else []} | chosen
    space["grid"] = params.recipes[space["recipe"][0]].training.grid
    space["pretraining"] = chosen.get("pretraining", [pretraining(params, space["recipe"][0])])
    return {"backbone": _backbones(params, space), **space}


def _choices(params: Params) -> list[tuple[str, Space]]:
    """Each stage with the values that it has jobs for, in an order in which they can run."""
    study = _space(params)
    runs = [*(_space(params, recipe=[name], seed=["0"]) for name in study["grid"]), study]
    own = {
        "prepare": study | {"data": [name for name in _unique(study["data"] + study["images"]) if name != NO_IMAGES]},
        "pretrain": study | {"pretraining": _unique(space["pretraining"][0] for space in runs)},
        "forms": study | {"variant": study["formed"]},
    }
    first = [(stage, own[stage]) for stage in ("prepare", "pretrain")]
    first += [(stage, space) for space in runs for stage in ("train", "evaluate")]
    done = {stage for stage, _ in first}
    return first + [(stage, own.get(stage, study)) for stage in STAGES if stage not in done]


def _unique(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))


def _backbones(params: Params, space: Space) -> list[str]:
    """What is pretrained for the variants of a space."""
    if space["images"] == [NO_IMAGES]:
        return []
    specs = [params.variants[name] for name in space["variant"]]
    return _unique(spec.pretrained for spec in specs if isinstance(spec, Variant))


def _fill(patterns: Patterns, space: Space) -> dict[str, tuple[Path, ...]]:
    groups = {name: (group,) if isinstance(group, str) else group for name, group in patterns.items()}
    return {
        name: tuple(Path(path) for pattern in group for path in _expand(pattern, space))
        for name, group in groups.items()
    }


def _expand(pattern: str, space: Space) -> list[str]:
    """A pattern filled in with every combination of the values of its wildcards."""
    names = [name for name in space if f"{{{name}}}" in pattern]
    return [pattern.format(**dict(zip(names, values, strict=True))) for values in product(*(space[n] for n in names))]
