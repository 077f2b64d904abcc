"""The section `study`: which runs are compared."""

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from pipeline.config import paths
from pipeline.config.types import Model, Name, Number, Seed, Size, Whole, one_line

NO_IMAGES = "none"
"""In place of a set to pretrain on: every network is trained from scratch."""


class Study(Model):
    """What is compared: the variants and seeds, on which data, pretrained on which images, by which recipe.

    Latency is timed at the recipe's frame size; `timed_at` gives some variants another size, and all variants are also
    timed at each size of `timed_over`. `forms` names the variant whose deployment forms are timed too.

    `question`, `contrasts`, `correction`, `smallest_effect` and `frames_per_block` register the study: what it asks,
    which pairs (variant, reference) answer it, how their p-values are corrected, the smallest difference of mIoU, in
    points, that would matter, and how many consecutive frames are resampled together, because frames of a video
    resemble each other. Without contrasts every variant is compared with the baseline.
    """

    name: Name
    title: one_line(200)
    data: Name
    images: Name
    recipe: Name
    variants: Annotated[list[Name], Field(min_length=1, max_length=1000)]
    baseline: Name
    seeds: Annotated[list[Seed], Field(min_length=1, max_length=1000)]
    timed_at: dict[Name, Size] = {}
    timed_over: Annotated[list[Size], Field(max_length=100)] = []
    forms: Name | None = None
    question: one_line(1000) = ""
    contrasts: list[tuple[Name, Name]] = []
    correction: Literal["holm", "none"] = "holm"
    smallest_effect: Annotated[Number, Field(gt=0, le=100)] = 1.0
    frames_per_block: Annotated[Whole, Field(ge=1, le=1_000_000)] = 1

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The contrasts, or every variant with the baseline where none are named."""
        return self.contrasts or [(name, self.baseline) for name in self.variants if name != self.baseline]

    @property
    def comparisons(self) -> int:
        """The number of contrasts that p-values are corrected for; 1 if they are not corrected."""
        return len(self.pairs) if self.correction == "holm" else 1

    @field_validator("name")
    @classmethod
    def _has_a_folder_of_its_own(cls, name: str) -> str:
        if name in paths.SHARED:
            raise ValueError(f"results/{name} holds results of all studies; name the study otherwise")
        return name

    @model_validator(mode="after")
    def _holds_each_entry_once(self) -> "Study":
        for key in ("variants", "seeds", "contrasts", "timed_over"):
            values = getattr(self, key)
            if len(set(values)) < len(values):
                raise ValueError(f"{key} holds an entry twice: {values}")
        return self

    @model_validator(mode="after")
    def _names_its_own_variants(self) -> "Study":
        forms = [self.forms] if self.forms else []
        contrasted = [name for pair in self.contrasts for name in pair]
        keys = {"timed_at": [*self.timed_at], "forms": forms, "baseline": [self.baseline], "contrasts": contrasted}
        for key, names in keys.items():
            strangers = [name for name in names if name not in self.variants]
            if strangers:
                raise ValueError(f"{key} names {', '.join(strangers)}, which is none of the variants {self.variants}")
        alone = next((pair for pair in self.contrasts if pair[0] == pair[1]), None)
        if alone:
            raise ValueError(f"contrasts compares {alone[0]} with itself; name two variants")
        return self
