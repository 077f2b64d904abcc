"""params.yaml and studies/*.yaml as one checked object. Nothing else reads them."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError, model_validator
from pydantic_core import to_jsonable_python

from pipeline.config import inheritance, mistakes, paths, reading
from pipeline.config.data import Data, wrong_task
from pipeline.config.protocols import Complexity, Evaluation, Floor, Latency
from pipeline.config.recipes import Recipe, Training
from pipeline.config.study import NO_IMAGES, Study
from pipeline.config.types import Model, Name, is_name
from pipeline.config.variants import AnyVariant, Peer
from pipeline.utils.errors import BadInput, did_you_mean


class Params(Model):
    """The content of params.yaml, with the requested study in place of params.yaml's own."""

    study: Study
    data: dict[Name, Data]
    recipes: dict[Name, Recipe]
    variants: dict[Name, AnyVariant]
    evaluation: Evaluation
    floor: Floor
    complexity: Complexity
    latency: Latency

    @property
    def trials(self) -> set[str]:
        """The recipes that a learning rate is chosen from; a network that diverges in one of them is a result."""
        return {name for recipe in self.recipes.values() for name in recipe.training.grid}

    def training(self, recipe: str, variant: str | None = None) -> Training:
        """A recipe's training, with what a variant changes of it."""
        given = self.recipes[recipe].training
        changes = self.variants[variant].training if variant else {}
        return Training.model_validate(given.model_dump() | changes) if changes else given

    @model_validator(mode="after")
    def _the_study_names_what_exists(self) -> "Params":
        study = self.study
        wanted = [("data", study.data, self.data), ("images", study.images, [*self.data, NO_IMAGES])]
        wanted += [("recipe", study.recipe, self.recipes)]
        wanted += [("variants", name, self.variants) for name in study.variants]
        for key, name, known in wanted:
            if name not in known:
                raise ValueError(f'study.{key} names "{name}"{did_you_mean(name, known)}, known are {", ".join(known)}')
        return self

    @model_validator(mode="after")
    def _variants_change_what_may_differ(self) -> "Params":
        """Everything but what makes scores comparable; and no rate that the recipe chooses for each variant."""
        fixed = {"splits", "score", "frame_size"}
        fixed |= {"learning_rate"} if self.recipes[self.study.recipe].training.grid else set()
        allowed = [key for key in Training.model_fields if key not in fixed]
        for name in self.study.variants:
            key = f"variants.{name}.training"
            for wrong in (each for each in self.variants[name].training if each not in allowed):
                unknown = f"is unknown{did_you_mean(wrong, allowed)}"
                why = "cannot differ within a study" if wrong in fixed else unknown
                raise ValueError(f"{key}.{wrong} {why}; allowed are {', '.join(allowed)}")
            try:
                self.training(self.study.recipe, name)
            except ValidationError as error:
                first = error.errors()[0]
                raise ValueError(f"{key}.{first['loc'][0]} is {first['input']!r}: {first['msg']}") from None
        return self

    @model_validator(mode="after")
    def _peers_are_not_pretrained(self) -> "Params":
        study = self.study
        peers = [name for name in study.variants if isinstance(self.variants[name], Peer)]
        if peers and study.images != NO_IMAGES:
            raise ValueError(
                f'study.images is "{study.images}", but {", ".join(peers)} cannot be pretrained here; '
                f"write images: {NO_IMAGES}, so that all networks start alike"
            )
        return self

    @model_validator(mode="after")
    def _learning_rates_are_chosen_among_recipes_with_one(self) -> "Params":
        for name, training in ((name, recipe.training) for name, recipe in self.recipes.items()):
            key = f"recipes.{name}.training.learning_rate"
            for other in training.grid:
                if other not in self.recipes:
                    raise ValueError(f'{key} names "{other}", known are {", ".join(self.recipes)}')
                if self.recipes[other].training.grid or self.recipes[other].training.score == training.score:
                    raise ValueError(
                        f"{key} names {other}, which must have a number for its learning rate and score another split "
                        f"than {training.score}: that is scored once, at the end"
                    )
        return self

    @model_validator(mode="after")
    def _its_sets_hold_what_it_takes_from_them(self) -> "Params":
        study = self.study
        if NO_IMAGES in self.data:
            raise ValueError(f'data.{NO_IMAGES}: "{NO_IMAGES}" says that networks are pretrained on nothing; rename it')
        for key, name in (("data", study.data), ("images", study.images)):
            wrong = name != NO_IMAGES and wrong_task(key, name, self.data[name], self.data)
            if wrong:
                raise ValueError(f"study.{key}: {wrong}")
        for recipe in (study.recipe, *self.recipes[study.recipe].training.grid):
            training = self.recipes[recipe].training if recipe in self.recipes else None
            for split in (*training.splits, training.score) if training else ():
                if self.data[study.data].kind == "synthetic" and not self.data[study.data].frames.get(split):
                    raise ValueError(
                        f"data.{study.data} has no frames in {split}, which recipes.{recipe}.training names; give "
                        f"data.{study.data}.frames.{split} a count, or name another split"
                    )
        return self


def load(study: str | None = None) -> Params:
    """The parameters with a study of studies/, or with params.yaml's own. `BadInput` names the key that is wrong."""
    file = Path(paths.PARAMS)
    raw = inheritance.resolve(reading.mapping(file), file)
    if study is not None and study != reading.name(raw):
        file = paths.fill(paths.STUDY, study=study)
        if not is_name(study) or not file.exists():
            known = studies()
            raise BadInput(f'there is no study "{study}"{did_you_mean(study, known)}; known are {", ".join(known)}')
        raw = {**raw, "study": reading.study(study, file)}
    try:
        return Params.model_validate(raw)
    except ValidationError as error:
        raise BadInput(mistakes.sentence(error, Params, file)) from error


def studies() -> list[str]:
    """The names that `load` takes, the default study first."""
    others = sorted(path.stem for path in Path("studies").glob("*.yaml"))
    return list(dict.fromkeys([load().study.name, *others]))


def loaded(names: Iterable[str]) -> list[Params]:
    """Those of some studies that can be loaded: a mistake in one is no reason to stop another."""
    found = []
    for name in names:
        with suppress(BadInput):
            found.append(load(name))
    return found


def lookup(params: Params, key: str) -> Any:
    """The plain value at a dotted key, e.g. `recipes.quick.training`, as the record of a stage that uses it has it."""
    value: Any = params
    for part in key.split("."):
        value = getattr(value, part) if isinstance(value, BaseModel) else value[part]
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else to_jsonable_python(value)
