"""The conditions of a study's numbers in words, for captions and for notes beside tables."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from analysis.results import statistics
from analysis.results.results import Results

if TYPE_CHECKING:
    from pipeline.config.study import Study

FLOOR = (
    "The floor is a classifier that sees only the colour and position of each pixel; it was trained and scored on the "
    "same frames. The majority class is the most frequent class, predicted everywhere."
)


def all_of(results: Results) -> list[str]:
    """The warnings and conditions that belong to every table and figure; the conditions are the last sentence."""
    return [*warnings(results), sentence(results)]


def warnings(results: Results) -> list[str]:
    """Sentences on missing runs, on all variants below the floor, and on each reason why variants are unhealthy."""
    if not results.any_runs:
        return ["No run of this study is scored. Shown are times and counts, which need no training."]
    below, unhealthy = results.undertrained, dict[str, list[str]]()
    for name, reasons in results.illness.items():
        if reasons:
            unhealthy.setdefault("; ".join(reasons), []).append(name)
    return [
        *_missing(results),
        *([f"{_listed(below)} below the floor: too little trained for the score to be a result."] if below else []),
        *_classes(results),
        *(f"{_listed(names)} unhealthy: {reasons}." for reasons, names in unhealthy.items()),
    ]


def _classes(results: Results) -> list[str]:
    below = results.classes_below_floor
    return [f"Every variant is below the floor on {_and(below)}."] if below else []


def _missing(results: Results) -> list[str]:
    if not results.missing:
        return []
    runs = ", ".join(f"{name} ({seeds(missing).lower()})" for name, missing in results.missing.items())
    shown = f"{', '.join(results.study.variants)} ({seeds(results.study.seeds).lower()})"
    return [f"The study is not finished. Missing runs: {runs}. Shown are {shown}."]


def doubts(results: Results, name: str) -> list[str]:
    """Why a variant's scores may not be those of its structure, for the reason of a verdict."""
    illness = results.illness.get(name)
    return [
        *(["below the floor: undertrained, not a result"] if name in results.undertrained else []),
        *([f"unhealthy: {'; '.join(illness)}"] if illness else []),
    ]


def sentence(results: Results) -> str:
    """Data, split, frames, sizes, training, seeds, device and commit in words. Sizes are rows x columns."""
    if not results.any_runs:
        return f"Times are medians of single passes: {timing(results.latency)}."
    study, scored, training = results.study, results.scored, results.training
    made = [record["conditions"] for record in results.train.values()]
    return (
        f"Data {study.data}: {scored['frames']} frames of split {scored['split']}, scored at {size(scored['size'])} "
        f"pixels (rows x columns), network input {size(scored['input_size'])}. "
        f"Trained on {' + '.join(training['splits'])}, {training['epochs']} epochs of "
        f"{size(training['crop_size'])} crops in batches of {training['batch_size']} (recipe {study.recipe}: "
        f"{results.optimiser}, {_rate(results)}, {results.loss}), "
        f"{start(study.images)}{_changed(results)}. {seeds(study.seeds)}. Device {_each(map(_device, made))}; "
        f"torch {_each(one['libraries']['torch'] for one in made)}; commit {_each(map(_commit, made))}."
    )


def _rate(results: Results) -> str:
    """The learning rate of the recipe, or those that each network was tried with."""
    if not isinstance(results.training["learning_rate"], list):
        return f"learning rate {results.training['learning_rate']}"
    tried = next(iter(results.train.values()))["result"].get("learning_rates", results.training["learning_rate"])
    return f"each network's best learning rate of {', '.join(tried)}"


def _changed(results: Results) -> str:
    """How the training of single variants differs from the recipe."""
    changes = {
        name: [f"{key} {value}" for key, value in network.get("training", {}).items()]
        + (["from random weights"] if network.get("scratch") else [])
        for name, network in results.networks.items()
    }
    said = [f"{name} with {', '.join(each)}" for name, each in changes.items() if each]
    return f"; but {'; '.join(said)}" if said else ""


def inference(results: Results) -> str:
    """How errors were estimated and p-values corrected, in sentences."""
    return f"{_spread(results)} {_frames(results.study)} {_correction(results.registered)}"


def _spread(results: Results) -> str:
    pooled = results.differences.pooled
    if pooled:
        return (
            f"The spread between seeds is that of all variants together ({100 * pooled.deviation:.2f} points, "
            f"{pooled.freedom} degrees of freedom), because Bartlett's test finds no difference between theirs."
        )
    if len(results.study.seeds) < statistics.MINIMUM_SEEDS:
        return f"Fewer than {statistics.MINIMUM_SEEDS} seeds give no spread, so there is no verdict."
    return "The spread between seeds is that of each pair, because the variants are few or their spreads differ."


def _frames(study: "Study") -> str:
    length = study.frames_per_block
    what = f"blocks of {length} consecutive frames" if length > 1 else "single frames"
    return f"The error over frames is that of {statistics.RESAMPLES} bootstrap resamples of {what}."


def _correction(study: "Study") -> str:
    if study.comparisons == 1:
        return "p is not corrected."
    return f"p is corrected by Holm's method for {study.comparisons} contrasts."


def short(results: Results) -> str:
    """The conditions of a study's mIoU, short enough for a table's cell."""
    study, training = results.study, results.training
    scored = f"{study.data} {results.scored['split']}, input {size(results.scored['input_size'])}"
    return f"{scored}, {training['epochs']} epochs in batches of {training['batch_size']}, {seeds(study.seeds).lower()}"


def start(images: str) -> str:
    """The weights that a study's networks start from."""
    return "from random weights" if images == "none" else f"backbone pretrained on {images}"


def seeds(values: list[int]) -> str:
    """The seeds in words."""
    return f"Seed{'s' if len(values) > 1 else ''} {', '.join(map(str, values))}"


def size(sides: list[int]) -> str:
    """Rows x columns, or any other sizes."""
    return "x".join(map(str, sides))


def in_points(value: float) -> str:
    """A difference of mIoU in words."""
    return f"{value:g} point{'' if value == 1 else 's'}"


def threads(count: int) -> str:
    """A number of CPU threads in words."""
    return f"{count} thread{'s' if count > 1 else ''}"


def timing(latency: dict[str, Any]) -> str:
    """Batch, size, threads and device of a latency record's result."""
    sizes = dict.fromkeys(size(row.get("size", latency["size"])) for row in latency["rows"])
    return (
        f"batch {latency['batch']}, {' or '.join(sizes)} pixels (rows x columns), "
        f"{threads(latency['device']['threads']).replace(' ', ' CPU ')}, {latency['device']['name']}"
    )


def ceilings(latency: dict[str, Any]) -> str:
    """The measured rates of the machine, and what a network's limit is; empty if they were not measured."""
    if not latency.get("ceilings"):
        return ""
    said = {"copy": "copies {:.3g} GB/s", "product": "multiplies {dtype} matrices at {:.3g} GMAC/s"}
    rates = [said[each["kind"]].format(each["per_second"] / 1e9, dtype=each["dtype"]) for each in latency["ceilings"]]
    return (
        f"In the same rounds, the machine {' and '.join(rates)}. A network's limit is the time that its MACs or its "
        "memory traffic take at these rates, whichever is longer, for the whole network or summed over its operations. "
        "Memory traffic counts every tensor that an operation reads or writes in eager mode; caches and fused kernels "
        "can do better, and so can convolutions that need fewer multiplications than are counted (Winograd)."
    )


def _listed(names: list[str]) -> str:
    """The names with their verb."""
    return f"{_and(names)} {'are' if len(names) > 1 else 'is'}"


def _and(names: list[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _device(made: dict[str, Any]) -> str:
    return f"{made['device']} ({threads(made['threads'])}, {made['precision']})"


def _commit(made: dict[str, Any]) -> str:
    return made["commit"][:8] + (" with uncommitted changes" if made["dirty"] else "")


def _each(words: Iterable[str]) -> str:
    return " and ".join(dict.fromkeys(words))
