"""With what a study's numbers were made, in words for captions and below tables."""

from collections.abc import Iterable
from typing import Any

from analysis.results.results import Results

FLOOR = (
    "Floor: a per-pixel classifier on colour and position, trained and scored on the same frames. Majority class: the "
    "class with most pixels, predicted everywhere."
)


def all_of(results: Results) -> list[str]:
    """What stands below every table: what is doubtful about each variant's scores, and the conditions."""
    return [
        *(f"{name} is {doubt}." for name in results.study.variants for doubt in doubts(results, name)),
        sentence(results),
    ]


def doubts(results: Results, name: str) -> list[str]:
    """What speaks against reading a variant's scores as those of its structure."""
    illness = results.illness.get(name)
    return [
        *(["below the floor: undertrained, not a result"] if name in results.undertrained else []),
        *([f"unhealthy: {'; '.join(illness)}"] if illness else []),
    ]


def sentence(results: Results) -> str:
    """Data, split, frames, sizes, training, seeds, device and commit. Sizes are rows x columns."""
    study, scored, training = results.study, results.scored, results.training
    made = [record["conditions"] for record in results.train.values()]
    return (
        f"Data {study.data}: {scored['frames']} frames of split {scored['split']}, scored at {size(scored['size'])} "
        f"pixels (rows x columns), network input {size(scored['input_size'])}. "
        f"Trained on {' + '.join(training['splits'])}, {training['epochs']} epochs of crops "
        f"{size(training['crop_size'])} in batches of {training['batch_size']} (recipe {study.recipe}), "
        f"{start(study.images)}. {seeds(study.seeds)}. Device {_each(map(_device, made))}; "
        f"torch {_each(one['libraries']['torch'] for one in made)}; commit {_each(map(_commit, made))}."
    )


def short(results: Results) -> str:
    """With what a study's mIoU was measured, for the cell of a table."""
    study, training = results.study, results.training
    scored = f"{study.data} {results.scored['split']}, input {size(results.scored['input_size'])}"
    return f"{scored}, {training['epochs']} epochs in batches of {training['batch_size']}, {seeds(study.seeds).lower()}"


def start(images: str) -> str:
    """What a study's networks start from."""
    return "from random weights" if images == "none" else f"backbone pretrained on {images}"


def seeds(values: list[int]) -> str:
    """The seeds, all of which are reported."""
    return f"Seed{'s' if len(values) > 1 else ''} {', '.join(map(str, values))}"


def size(sides: list[int]) -> str:
    """Rows x columns."""
    return "x".join(map(str, sides))


def threads(count: int) -> str:
    """CPU threads."""
    return f"{count} thread{'s' if count > 1 else ''}"


def _device(made: dict[str, Any]) -> str:
    return f"{made['device']} ({threads(made['threads'])}, {made['precision']})"


def _commit(made: dict[str, Any]) -> str:
    return made["commit"][:8] + (" with uncommitted changes" if made["dirty"] else "")


def _each(words: Iterable[str]) -> str:
    return " and ".join(dict.fromkeys(words))
