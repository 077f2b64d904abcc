"""The sections that say how results are measured: `evaluation`, `floor`, `complexity`, `latency`."""

from typing import Annotated

from pydantic import Field

from pipeline.config.types import Count, Model, Natural, Share, Size


class Evaluation(Model):
    batch_size: Count
    border: Count
    sizes: Annotated[list[Count], Field(min_length=1)]
    pictures: Natural
    threads: Count


class Floor(Model):
    pixels: Count
    trees: Count
    seed: Natural


class Complexity(Model):
    paper_size: Size


class Latency(Model):
    warmup: Natural
    rounds: Annotated[int, Field(ge=2)]
    samples: Count
    threads: Count
    seed: Natural
    stability: Share
    attempts: Count = 1
    cpu_pixels: Annotated[int, Field(ge=4096)]
