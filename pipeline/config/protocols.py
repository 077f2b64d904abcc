"""The sections that say how results are measured: `evaluation`, `floor`, `complexity`, `latency`."""

from typing import Annotated

from pydantic import AfterValidator, Field

from pipeline.config.types import Batch, Model, Pixels, Seed, Share, Size, Steps, Threads, Whole


def _ascending(sizes: list[int]) -> list[int]:
    if sizes != sorted(set(sizes)):
        raise ValueError("sizes must be ascending, each once")
    return sizes


class Evaluation(Model):
    batch_size: Batch
    border: Annotated[Whole, Field(ge=1, le=1000)]
    sizes: Annotated[list[Pixels], Field(min_length=1, max_length=100), AfterValidator(_ascending)]
    pictures: Annotated[Whole, Field(ge=0, le=1000)]
    threads: Threads


class Floor(Model):
    pixels: Annotated[Whole, Field(ge=1, le=100_000_000)]
    trees: Annotated[Whole, Field(ge=1, le=10_000)]
    seed: Seed


class Complexity(Model):
    paper_size: Size


class Latency(Model):
    warmup: Steps
    rounds: Annotated[Whole, Field(ge=2, le=10_000)]
    samples: Annotated[Whole, Field(ge=1, le=1_000_000)]
    threads: Threads
    seed: Seed
    stability: Share
    attempts: Annotated[Whole, Field(ge=1, le=100)] = 1
    cpu_pixels: Annotated[Pixels, Field(ge=4096)]
