"""The section `study`: which runs are compared."""

from typing import Annotated

from pydantic import Field, model_validator

from pipeline.config.types import Model, Name, Natural, Size

NO_IMAGES = "none"
"""In place of a set to pretrain on: every network is trained from scratch."""


class Study(Model):
    """What is compared: the variants and seeds, on which data, pretrained on which images, by which recipe.

    Latency is timed at the recipe's frame size; `timed_at` gives some variants another size. `forms` names the variant
    whose deployment forms are timed too.
    """

    name: Name
    title: str
    data: Name
    images: Name
    recipe: Name
    variants: Annotated[list[Name], Field(min_length=1)]
    baseline: Name
    seeds: Annotated[list[Natural], Field(min_length=1)]
    timed_at: dict[Name, Size] = {}
    forms: Name | None = None

    @model_validator(mode="after")
    def _holds_each_entry_once(self) -> "Study":
        for key in ("variants", "seeds"):
            values = getattr(self, key)
            if len(set(values)) < len(values):
                raise ValueError(f"{key} holds an entry twice: {values}")
        return self

    @model_validator(mode="after")
    def _names_its_own_variants(self) -> "Study":
        forms = [self.forms] if self.forms else []
        for key, names in (("timed_at", [*self.timed_at]), ("forms", forms), ("baseline", [self.baseline])):
            strangers = [name for name in names if name not in self.variants]
            if strangers:
                raise ValueError(f"{key} names {', '.join(strangers)}, which is none of the variants {self.variants}")
        return self
