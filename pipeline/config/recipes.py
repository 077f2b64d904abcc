"""The section `recipes`: how a backbone is pretrained and a variant trained."""

from typing import Annotated

from pydantic import Field, model_validator

from pipeline.config.types import Count, Model, Name, Natural, Positive, Range, Share, Size, Split, one_of

OPTIMISERS = ("sgd", "adamw")
"""Those of pipeline/training/optimisers.py, which loads torch."""
LOSSES = ("cross-entropy",)
"""Those of pipeline/training/losses.py, which loads torch."""
PRECISIONS = ("float32", "float16", "bfloat16")
"""Names of torch's data types. The halves are mixed: convolutions and products use them, and weights stay float32."""
STEPS = ("eager", "captured", "compiled", "auto")
"""Those of pipeline/training/modes.py, which loads torch, and the faster of the first two."""


class Optimisation(Model):
    """Loss, optimiser, precision and the "poly" schedule learning_rate * (1 - step/steps)^power.

    AdamW takes `momentum` as its first beta. A step takes its batch in `accumulate` parts, one after the other, and in
    `processes`, side by side.
    """

    batch_size: Annotated[int, Field(ge=2)]
    learning_rate: Positive
    power: Positive
    momentum: Share
    weight_decay: Annotated[float, Field(ge=0)]
    threads: Count
    optimiser: Annotated[str, one_of("optimiser", OPTIMISERS)]
    loss: Annotated[str, one_of("loss", LOSSES)] = "cross-entropy"
    precision: Annotated[str, one_of("precision", PRECISIONS)] = "float32"
    accumulate: Count = 1
    processes: Annotated[int, Field(ge=1, le=64)] = 1

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

    epochs: Natural
    scale: Range
    seed: Natural


class Training(Optimisation):
    """How a variant is trained; `scale` is the factor of a random resize.

    `learning_rate` is a number, or a list of recipes: then the learning rate of the one that scores best is used.
    """

    learning_rate: Positive | Annotated[list[Name], Field(min_length=2)]
    splits: Annotated[list[Split], Field(min_length=1)]
    score: Split
    crop_size: Size
    frame_size: Size
    epochs: Count
    flip: Share
    scale: Range
    warmup: Natural

    @property
    def grid(self) -> list[str]:
        """The recipes that the learning rate is chosen from; empty if it is a number."""
        return self.learning_rate if isinstance(self.learning_rate, list) else []

    @model_validator(mode="after")
    def _scored_frames_are_not_trained_on(self) -> "Training":
        if self.score in self.splits:
            raise ValueError(f'score is "{self.score}", which splits {self.splits} train on; score another split')
        return self


class Recipe(Model):
    pretraining: Pretraining
    training: Training
