"""params.yaml and studies/*.yaml as checked, typed objects. Nothing else reads them."""

import ast
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    SerializerFunctionWrapHandler,
    Tag,
    ValidationError,
    field_validator,
    model_serializer,
    model_validator,
)

from models.interpretation import INTERPRETATIONS
from pipeline.config import paths
from pipeline.data import registry
from pipeline.utils.errors import BadInput, did_you_mean

Size = tuple[Annotated[int, Field(ge=64, le=4096)], Annotated[int, Field(ge=64, le=4096)]]
Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]


def _ascending(bounds: tuple[float, float]) -> tuple[float, float]:
    if bounds[0] > bounds[1]:
        raise ValueError("the bounds must stand smaller first")
    return bounds


Range = Annotated[tuple[Positive, Positive], AfterValidator(_ascending)]
Split = Literal["train", "val", "test"]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


MODELS = Path(__file__).parents[2] / "models"
PEERS = MODELS / "peers"
NO_IMAGES = "none"
"""In place of a pretraining set: every network is trained from scratch."""


class Study(Model):
    """What is compared: a list of runs by name. Which data, pretrained on which images, by which recipe.

    A variant is timed at the recipe's frame size unless `timed_at` gives one. Of the variant `forms` the deployment
    forms are timed too.
    """

    name: Name
    title: str
    data: Name
    images: Name
    recipe: Name
    variants: list[Name] = Field(min_length=1)
    baseline: Name
    seeds: list[Annotated[int, Field(ge=0)]] = Field(min_length=1)
    timed_at: dict[Name, Size] = {}
    forms: Name | None = None

    @model_validator(mode="after")
    def _once_each(self) -> "Study":
        for key in ("variants", "seeds"):
            values = getattr(self, key)
            if len(set(values)) < len(values):
                raise ValueError(f"{key} holds an entry twice: {values}")
        for key, names in (("timed_at", list(self.timed_at)), ("forms", [self.forms] if self.forms else [])):
            strangers = [name for name in names if name not in self.variants]
            if strangers:
                raise ValueError(f"{key} names {strangers}, none of the variants {self.variants}")
        if self.baseline not in self.variants:
            raise ValueError(f'baseline "{self.baseline}" is none of the variants {self.variants}')
        return self


class SyntheticData(Model):
    kind: Literal["synthetic"]
    seed: Annotated[int, Field(ge=0)]
    size: tuple[Annotated[int, Field(ge=64, le=1024)], Annotated[int, Field(ge=64, le=2048)]]
    frames: dict[Split, Annotated[int, Field(ge=0)]]


class CropData(Model):
    kind: Literal["crops"]
    seed: Annotated[int, Field(ge=0)]
    size: Annotated[int, Field(ge=32, le=128)]
    images: dict[Literal["train", "val"], Count]


class FrameData(Model):
    """A published set of labelled frames: the name of its module in pipeline/data/sets."""

    kind: str
    directory: str

    @field_validator("kind")
    @classmethod
    def _has_a_module(cls, kind: str) -> str:
        known = [*OTHER_KINDS, *registry.published()]
        if kind not in known:
            raise ValueError(f"there is no such kind{did_you_mean(kind, known)}; known are {', '.join(known)}")
        return kind

    @property
    def module(self) -> str:
        return f"pipeline.data.sets.{self.kind}"


class ImageData(Model):
    kind: Literal["images"]
    directory: str
    size: Annotated[int, Field(ge=32, le=512)]


OTHER_KINDS = {"synthetic": SyntheticData, "crops": CropData, "images": ImageData}


def _kind(data: Any) -> str:
    kind = data.get("kind") if isinstance(data, dict) else data.kind
    return str(kind) if kind in OTHER_KINDS else "frames"


Data = Annotated[
    Annotated[SyntheticData, Tag("synthetic")]
    | Annotated[CropData, Tag("crops")]
    | Annotated[ImageData, Tag("images")]
    | Annotated[FrameData, Tag("frames")],
    Discriminator(_kind),
]


class Optimiser(Model):
    """The optimiser and its "poly" schedule, learning_rate * (1 - step/steps)^power.

    `momentum` is AdamW's first beta too.
    """

    batch_size: Annotated[int, Field(ge=2)]
    learning_rate: Positive
    power: Positive
    momentum: Share
    weight_decay: Annotated[float, Field(ge=0)]
    threads: Count
    optimiser: Literal["sgd", "adamw"]


class Pretraining(Optimiser):
    epochs: Annotated[int, Field(ge=0)]
    scale: Range
    seed: Annotated[int, Field(ge=0)]


class Training(Optimiser):
    """How a variant is trained.

    `learning_rate` is a number, or a list of recipes: the learning rate of the one that scores best is used.
    """

    learning_rate: Positive | Annotated[list[Name], Field(min_length=2)]
    splits: list[Split] = Field(min_length=1)
    score: Split
    crop_size: Size
    frame_size: Size
    epochs: Count
    flip: Share
    scale: Range
    warmup: Annotated[int, Field(ge=0)]

    @property
    def grid(self) -> list[str]:
        """The recipes that the learning rate is chosen from; empty where it is a number."""
        return self.learning_rate if isinstance(self.learning_rate, list) else []

    @model_validator(mode="after")
    def _scored_frames_are_not_trained_on(self) -> "Training":
        if self.score in self.splits:
            raise ValueError(f'score is "{self.score}", which splits {self.splits} train on; score another split')
        return self


class Recipe(Model):
    pretraining: Pretraining
    training: Training


class Spec(Model):
    """A field at its default is not written: a field more leaves what was recorded before valid."""

    @model_serializer(mode="wrap")
    def _without_defaults(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields = type(self).model_fields
        return {key: value for key, value in dump(self).items() if getattr(self, key) != fields[key].default}


def _written(path: Path, name: str) -> list[str]:
    """The strings of a tuple, or the keys of a mapping, that a module assigns to `name`; importing it loads torch."""
    values = [node.value for node in ast.parse(path.read_text()).body if _assigns(node, name)]
    return [entry.value for entry in (values[0].keys if isinstance(values[0], ast.Dict) else values[0].elts)]


def _assigns(node: ast.stmt, name: str) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return any(isinstance(target, ast.Name) and target.id == name for target in targets)


STRUCTURES = {name: _written(MODELS / "structures.py", name) for name in ("STRUCTURES", "ALONE")}


def _is_a_structure(name: str) -> str:
    if name not in STRUCTURES["STRUCTURES"]:
        raise ValueError(f"there is no such structure; known are {', '.join(STRUCTURES['STRUCTURES'])}")
    return name


def _is_an_interpretation(name: str) -> str:
    if name not in INTERPRETATIONS:
        raise ValueError(f"there is no such interpretation; known are {', '.join(INTERPRETATIONS)}")
    return name


class Variant(Spec):
    """A point in DFANet's space of networks; what each value means is said in models/."""

    structure: Annotated[str, AfterValidator(_is_a_structure)]
    backbone: Literal["xception-a", "xception-b", "resnet-50"]
    attention: Literal["fc", "fc-scratch", "se", "none"]
    networks: Annotated[int, Field(ge=1, le=4)]
    decoder: Literal["none", "HL", "HL+LL"]
    scale: Annotated[float, Field(gt=0, le=1)] = 1.0
    interpretation: Annotated[str, AfterValidator(_is_an_interpretation)] = "first"

    @property
    def pretrained(self) -> str:
        """The network that pretraining gives it, as `models.network.Classifier` calls it."""
        part = "residuals" if self.backbone == "resnet-50" else "blocks"
        own = getattr(INTERPRETATIONS[self.interpretation], part)
        name = next(name for name, each in INTERPRETATIONS.items() if getattr(each, part) == own)
        return self.backbone if name == "first" else f"{self.backbone}-{name}"

    @model_validator(mode="after")
    def _networks_fit_the_structure(self) -> "Variant":
        alone = self.structure in STRUCTURES["ALONE"]
        if alone != (self.networks == 1):
            allowed = "one network" if alone else "2 to 4 networks"
            raise ValueError(f"structure {self.structure} has {allowed}, not {self.networks}")
        return self

    @model_validator(mode="after")
    def _all_of_it_is_used(self) -> "Variant":
        if self.structure == "a" and self.decoder == "none":
            raise ValueError("structure a fuses its branches in the decoder, so decoder must be HL or HL+LL, not none")
        if self.backbone == "resnet-50" and (self.structure not in STRUCTURES["ALONE"] or self.decoder != "none"):
            raise ValueError(
                "backbone resnet-50 has no stages to aggregate or to fuse: "
                f"structure must be single or b and decoder none, not {self.structure} and {self.decoder}"
            )
        return self


class Peer(Spec):
    """Another network: the name of its module in models/peers."""

    peer: Name

    @property
    def module(self) -> Path:
        return Path("models/peers", self.peer.replace("-", "_") + ".py")

    @field_validator("peer")
    @classmethod
    def _has_a_module(cls, name: str) -> str:
        known = sorted(path.stem.replace("_", "-") for path in PEERS.glob("[a-z]*.py"))
        if name not in known:
            raise ValueError(f"there is no models/peers/{name}.py{did_you_mean(name, known)}; known are {known}")
        return name


def _family(variant: Any) -> str:
    return "peer" if isinstance(variant, Peer) or (isinstance(variant, dict) and "peer" in variant) else "dfanet"


AnyVariant = Annotated[Annotated[Variant, Tag("dfanet")] | Annotated[Peer, Tag("peer")], Discriminator(_family)]


class Evaluation(Model):
    batch_size: Count
    border: Count
    sizes: list[Count] = Field(min_length=1)
    pictures: Annotated[int, Field(ge=0)]
    threads: Count


class Floor(Model):
    pixels: Count
    trees: Count
    seed: Annotated[int, Field(ge=0)]


class Complexity(Model):
    paper_size: Size


class Latency(Model):
    warmup: Annotated[int, Field(ge=0)]
    rounds: Annotated[int, Field(ge=2)]
    samples: Count
    threads: Count
    seed: Annotated[int, Field(ge=0)]
    stability: Share
    cpu_pixels: Annotated[int, Field(ge=4096)]


class Params(Model):
    """Everything, with the study that is asked for in place of params.yaml's own."""

    study: Study
    data: dict[Name, Data]
    recipes: dict[Name, Recipe]
    variants: dict[Name, AnyVariant]
    evaluation: Evaluation
    floor: Floor
    complexity: Complexity
    latency: Latency

    @model_validator(mode="after")
    def _the_study_names_what_exists(self) -> "Params":
        study = self.study
        wanted = [("data", study.data, self.data), ("images", study.images, [*self.data, NO_IMAGES])]
        wanted += [("recipe", study.recipe, self.recipes)]
        wanted += [("variants", name, self.variants) for name in study.variants]
        for key, name, known in wanted:
            if name not in known:
                raise ValueError(f'study.{key} names "{name}"{did_you_mean(name, known)}, known are {", ".join(known)}')
        self._grids_are_recipes()
        peers = [name for name in study.variants if isinstance(self.variants[name], Peer)]
        if peers and study.images != NO_IMAGES:
            raise ValueError(
                f'study.images is "{study.images}", but {", ".join(peers)} cannot be pretrained here; '
                f"write images: {NO_IMAGES}, so that all networks start alike"
            )
        return self

    @property
    def trials(self) -> set[str]:
        """The recipes that a learning rate is chosen from: with a rate too high for it a network may diverge."""
        return {name for recipe in self.recipes.values() for name in recipe.training.grid}

    def _grids_are_recipes(self) -> None:
        for name, training in ((name, recipe.training) for name, recipe in self.recipes.items()):
            for other in training.grid:
                if other not in self.recipes:
                    known = ", ".join(self.recipes)
                    raise ValueError(f'recipes.{name}.training.learning_rate names "{other}", known are {known}')
                if self.recipes[other].training.grid or self.recipes[other].training.score == training.score:
                    raise ValueError(
                        f"recipes.{name}.training.learning_rate names {other}, which must have a number for its "
                        f"learning rate and score another split than {training.score}: that is scored once, at the end"
                    )


def load(study: str | None = None) -> Params:
    """Params with the study `study` (a file of studies/), or params.yaml's own. `BadInput` names the key."""
    raw = _read(Path(paths.PARAMS))
    file = Path(paths.PARAMS)
    if study is not None and study != _name(raw):
        file = paths.fill(paths.STUDY, study=study)
        raw = {**raw, "study": _study(study, file)}
    try:
        return Params.model_validate(raw)
    except ValidationError as error:
        raise BadInput(_sentence(error, file)) from error


def studies() -> list[str]:
    """The names that `load` takes, the default first."""
    others = sorted(path.stem for path in Path("studies").glob("*.yaml"))
    return list(dict.fromkeys([load().study.name, *others]))


def lookup(params: Params, key: str) -> Any:
    """The plain value at a dotted key, e.g. `recipes.quick.training`: what a stage that names the key depends on."""
    value: Any = params.model_dump(mode="json")
    for part in key.split("."):
        value = value[part]
    return value


def _name(raw: dict[str, Any]) -> Any:
    return raw["study"].get("name") if isinstance(raw.get("study"), dict) else None


def _study(name: str, path: Path) -> Any:
    if not path.exists():
        known = studies()
        raise BadInput(f'there is no study "{name}"{did_you_mean(name, known)}; known are {", ".join(known)}')
    content = _read(path)
    if set(content) != {"study"}:
        others = ", ".join(key for key in content if key != "study") or "no study"
        raise BadInput(
            f"{path} holds {others}; allowed is the section study alone, everything else stands in params.yaml"
        )
    if _name(content) != name:
        raise BadInput(f"{path}: study.name must be {name}, the name of its file")
    return content["study"]


def _read(path: Path) -> dict[str, Any]:
    """The content of a YAML file; `BadInput` if it is none."""
    try:
        content = yaml.load(path.read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except FileNotFoundError:
        raise BadInput(f"{path} is missing; run this from the root of the repository") from None
    except yaml.YAMLError as error:
        raise BadInput(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise BadInput(f"{path} is empty; it must hold the sections that README.md names")
    return content


def _sentence(error: ValidationError, file: Path) -> str:
    """One mistake in one sentence: the key as the user wrote it, the value, and what is allowed.

    A wrong kind comes first, then a key too many: a misspelt one is also missing. `file` is where the study stands.
    """
    first = min(error.errors(), key=lambda each: (each["loc"][-1:] != ("kind",), each["type"] != "extra_forbidden"))
    place = [str(part) for part in first["loc"]]
    file = file if place[:1] in ([], ["study"]) else Path(paths.PARAMS)
    # pydantic puts the kind of a data set or variant between its name and the key.
    place = [part for index, part in enumerate(place) if not (place[0] in ("data", "variants") and index == 2)]
    key, kind = ".".join(place), first["type"]
    if kind == "extra_forbidden":
        allowed = list(_model_at(first["loc"][:-1]).model_fields)
        near = did_you_mean(place[-1], allowed)
        return f"{file}: {key} is unknown{near}; allowed here are {', '.join(allowed)}"
    if kind == "missing":
        return f"{file}: {key} is missing; add it"
    message = first["msg"].removeprefix("Value error, ")
    value = "" if isinstance(first["input"], dict) else f" is {first['input']!r}"
    return f"{file}: " + (f"{key}{value}: {message[0].lower()}{message[1:]}" if key else message)


def _model_at(place: tuple[int | str, ...]) -> type[BaseModel]:
    """The model whose fields are allowed at a place of the tree."""
    if not place:
        return Params
    if place[0] == "data":
        return OTHER_KINDS.get(str(place[2]), FrameData)
    if place[0] == "variants":
        return Peer if place[2] == "peer" else Variant
    named = {"recipes": Recipe}
    model = named.get(str(place[0]), Params.model_fields[str(place[0])].annotation)
    for part in place[2:]:
        model = model.model_fields[str(part)].annotation
    return model
