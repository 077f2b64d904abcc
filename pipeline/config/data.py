"""The section `data`: the sets that are segmented and pretrained on."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from pipeline.config.types import ROWS_X_COLUMNS, Count, Model, Natural, Split, one_of

SETS = Path(__file__).parents[1] / "data" / "sets"
"""Where the modules that read data sets lie; they are found by name and not imported here."""


class SyntheticData(Model):
    """Street scenes that are drawn: `frames` counts them by split, `size` is their rows and columns."""

    kind: Literal["synthetic"]
    seed: Natural
    size: Annotated[tuple[Annotated[int, Field(ge=64, le=1024)], Annotated[int, Field(ge=64, le=2048)]], ROWS_X_COLUMNS]
    frames: dict[Split, Natural]


class CropData(Model):
    """Drawn objects to classify: `images` counts them by split, `size` is the side of each."""

    kind: Literal["crops"]
    seed: Natural
    size: Annotated[int, Field(ge=32, le=128)]
    images: dict[Literal["train", "val"], Count]


class ImageData(Model):
    """Published images to classify, which are resized to squares of side `size`."""

    kind: Literal["images"]
    directory: str
    size: Annotated[int, Field(ge=32, le=512)]


OTHER_KINDS = {"synthetic": SyntheticData, "crops": CropData, "images": ImageData}


PUBLISHED = sorted({path.stem for path in SETS.glob("[a-z]*.py")} - set(OTHER_KINDS))
"""The kinds of published sets of labelled frames: the modules of pipeline/data/sets that have no class above."""


class FrameData(Model):
    """A published set of labelled frames, read by the module of pipeline/data/sets that `kind` names."""

    kind: Annotated[str, one_of("kind", [*OTHER_KINDS, *PUBLISHED])]
    directory: str

    @property
    def module(self) -> str:
        return f"pipeline.data.sets.{self.kind}"


def _tag(data: Any) -> str:
    kind = data.get("kind") if isinstance(data, dict) else data.kind
    return str(kind) if kind in OTHER_KINDS else "frames"


Data = Annotated[
    Annotated[SyntheticData, Tag("synthetic")]
    | Annotated[CropData, Tag("crops")]
    | Annotated[ImageData, Tag("images")]
    | Annotated[FrameData, Tag("frames")],
    Discriminator(_tag),
]
