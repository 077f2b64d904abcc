"""How many frames or images a job works through."""

from pipeline.config import paths
from pipeline.config.params import Params
from pipeline.config.study import NO_IMAGES
from pipeline.data import reader, registry
from pipeline.utils.errors import BadInput


def count(params: Params, name: str, split: str) -> int | None:
    """How many frames or images a split has; None where the data is not at hand."""
    if name == NO_IMAGES:
        return 0
    try:
        return reader.Prepared(paths.fill(paths.PREPARED, data=name)).splits[split]["count"]
    except (BadInput, KeyError):
        pass
    try:
        return len(registry.open_source(name, params.data[name]).names(split))
    except BadInput:
        return None


def frames_seen(params: Params, recipe: str, variant: str | None = None) -> int | None:
    """Frames that one run by a recipe is trained on, over all its epochs, with what a variant changes of the recipe."""
    training = params.training(recipe, variant)
    counts = [count(params, params.study.data, split) for split in training.splits]
    if None in counts:
        return None
    return sum(counts) // training.batch_size * training.batch_size * training.epochs
