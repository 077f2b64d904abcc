"""The section `data`: the sets that are segmented and pretrained on."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from pipeline.config.types import ROWS_X_COLUMNS, Model, Seed, Split, Whole, one_line, one_of

SETS = Path(__file__).parents[1] / "data" / "sets"
"""Where the modules that read data sets lie; they are found by name and not imported here."""


Directory = Annotated[one_line(1000), Field(min_length=1)]


class SyntheticData(Model):
    """Street scenes that are drawn: `frames` counts them by split, `size` is their rows and columns."""

    kind: Literal["synthetic"]
    seed: Seed
    size: Annotated[
        tuple[Annotated[Whole, Field(ge=64, le=1024)], Annotated[Whole, Field(ge=64, le=2048)]], ROWS_X_COLUMNS
    ]
    frames: dict[Split, Annotated[Whole, Field(ge=0, le=100_000)]]
    classifies: ClassVar[bool] = False


Crops = Annotated[Whole, Field(ge=1, le=10_000_000)]


class CropData(Model):
    """Drawn objects to classify: `images` counts them by split, `size` is the side of each."""

    kind: Literal["crops"]
    seed: Seed
    size: Annotated[Whole, Field(ge=32, le=128)]
    images: dict[Literal["train", "val"], Crops]
    classifies: ClassVar[bool] = True

    @model_validator(mode="after")
    def _has_both_splits(self) -> "CropData":
        for split in ("train", "val"):
            if split not in self.images:
                raise ValueError(f"images.{split} is missing; add it")
        return self


class ImageData(Model):
    """Published images to classify, which are resized to squares of side `size`."""

    kind: Literal["images"]
    directory: Directory
    size: Annotated[Whole, Field(ge=32, le=512)]
    classifies: ClassVar[bool] = True


OTHER_KINDS = {"synthetic": SyntheticData, "crops": CropData, "images": ImageData}


PUBLISHED = sorted({path.stem for path in SETS.glob("[a-z]*.py")} - set(OTHER_KINDS))
"""The kinds of published sets of labelled frames: the modules of pipeline/data/sets that have no class above."""


class FrameData(Model):
    """A published set of labelled frames, read by the module of pipeline/data/sets that `kind` names."""

    kind: Annotated[str, one_of("kind", [*OTHER_KINDS, *PUBLISHED])]
    directory: Directory
    classifies: ClassVar[bool] = False

    @property
    def module(self) -> str:
        return f"pipeline.data.sets.{self.kind}"


def wrong_task(key: str, name: str, spec: "Data", known: Mapping[str, "Data"]) -> str:
    """What is wrong if data set `name` cannot be what `key` is for: `data` is segmented, `images` are classified."""
    if spec.classifies == (key == "images"):
        return ""
    lacks = "images to classify" if key == "images" else "labelled frames"
    others = ", ".join(each for each, other in known.items() if other.classifies != spec.classifies)
    return f'"{name}" is of kind "{spec.kind}", which has no {lacks}; known sets with them are {others}'


def _tag(data: Any) -> str:
    kind = data.get("kind") if isinstance(data, dict) else getattr(data, "kind", None)
    return kind if isinstance(kind, str) and kind in OTHER_KINDS else "frames"


Data = Annotated[
    Annotated[SyntheticData, Tag("synthetic")]
    | Annotated[CropData, Tag("crops")]
    | Annotated[ImageData, Tag("images")]
    | Annotated[FrameData, Tag("frames")],
    Discriminator(_tag),
]
