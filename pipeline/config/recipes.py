"""The section `recipes`: how a backbone is pretrained and a variant trained."""

from typing import Annotated

from pydantic import Discriminator, Field, Tag, model_validator

from pipeline.config.types import (
    Batch,
    Model,
    Name,
    Number,
    Seed,
    Share,
    Size,
    Split,
    Steps,
    Threads,
    Unique,
    Whole,
    one_of,
    scale,
)  # fmt: skip

OPTIMISERS = ("sgd", "adamw")
"""Those of pipeline/training/optimisers.py, which loads torch."""
LOSSES = ("cross-entropy",)
"""Those of pipeline/training/losses.py, which loads torch."""
PRECISIONS = ("float32", "float16", "bfloat16")
"""Names of torch's data types. The halves are mixed: convolutions and products use them, and weights stay float32."""
STEPS = ("eager", "captured", "compiled", "auto")
"""Those of pipeline/training/modes.py, which loads torch, and the faster of the first two."""
MOST_PIXELS = 2**30
"""Pixels that a network sees in one step: the paper's are a twentieth of it."""

Rate = Annotated[Number, Field(gt=0, le=100)]
Epochs = Annotated[Whole, Field(ge=0, le=100_000)]


class Optimisation(Model):
    """Loss, optimiser, precision and the "poly" schedule learning_rate * (1 - step/steps)^power.

    AdamW takes `momentum` as its first beta. A step takes its batch in `accumulate` parts, one after the other, and in
    `processes`, side by side.
    """

    batch_size: Annotated[Batch, Field(ge=2)]
    learning_rate: Rate
    power: Annotated[Number, Field(gt=0, le=10)]
    momentum: Annotated[Number, Field(ge=0, lt=1)]
    weight_decay: Annotated[Number, Field(ge=0, le=10)]
    threads: Threads
    optimiser: Annotated[str, one_of("optimiser", OPTIMISERS)]
    loss: Annotated[str, one_of("loss", LOSSES)] = "cross-entropy"
    precision: Annotated[str, one_of("precision", PRECISIONS)] = "float32"
    accumulate: Batch = 1
    processes: Annotated[Whole, Field(ge=1, le=64)] = 1
    step: Annotated[str, one_of("step", STEPS)] = "eager"

    @model_validator(mode="after")
    def _what_decides_on_the_host_is_eager(self) -> "Optimisation":
        if self.step in ("captured", "compiled") and (self.precision == "float16" or self.processes > 1):
            raise ValueError(
                f"step {self.step} cannot be used with precision float16 or several processes; write eager or auto"
            )
        return self

    @model_validator(mode="after")
    def _the_batch_has_equal_parts(self) -> "Optimisation":
        parts = self.accumulate * self.processes
        if self.batch_size % parts or self.batch_size < 2 * self.accumulate:
            raise ValueError(
                f"batch_size {self.batch_size} cannot be taken in accumulate {self.accumulate} parts by processes "
                f"{self.processes}; it must be a multiple of both together, and batch norm needs 2 frames in each part"
            )
        return self


class Pretraining(Optimisation):
    """How a backbone learns to classify images; `scale` is the area of a random crop as a share of the image."""

    epochs: Epochs
    scale: scale(0.01, 1)
    seed: Seed


class Training(Optimisation):
    """How a variant is trained; `scale` is the factor of a random resize.

    `learning_rate` is a number, or a list of recipes: then the learning rate of the one that scores best is used.
    """

    learning_rate: Annotated[
        Annotated[Rate, Tag("number")] | Annotated[list[Name], Field(min_length=2), Unique, Tag("recipes")],
        Discriminator(lambda value: "recipes" if isinstance(value, list) else "number"),
    ]
    splits: Annotated[list[Split], Field(min_length=1), Unique]
    score: Split
    crop_size: Size
    frame_size: Size
    epochs: Annotated[Epochs, Field(ge=1)]
    flip: Share
    scale: scale(0.01, 16)
    warmup: Steps

    @property
    def grid(self) -> list[str]:
        """The recipes that the learning rate is chosen from; empty if it is a number."""
        return self.learning_rate if isinstance(self.learning_rate, list) else []

    @model_validator(mode="after")
    def _scored_frames_are_not_trained_on(self) -> "Training":
        if self.score in self.splits:
            raise ValueError(f'score is "{self.score}", which splits {self.splits} train on; score another split')
        return self

    @model_validator(mode="after")
    def _a_step_can_be_computed(self) -> "Training":
        pixels = self.batch_size * self.crop_size[0] * self.crop_size[1]
        if pixels > MOST_PIXELS:
            raise ValueError(
                f"batch_size {self.batch_size} of crop_size {list(self.crop_size)} has {pixels:,} pixels a step; "
                f"at most {MOST_PIXELS:,} are allowed"
            )
        return self


class Recipe(Model):
    pretraining: Pretraining
    training: Training
