"""With what the study was made, as pairs of a name and what it says."""

from collections.abc import Iterable, Mapping

from analysis import conditions
from analysis.records import Record, flatten
from analysis.report.origins import commit
from analysis.results import Results
from pipeline import paths


def pairs(found: Results, records: Mapping[str, Record]) -> list[tuple[str, str]]:
    """Data, sizes, recipe, seeds, devices, versions and commits; where records differ, each with its count."""
    study, scored, training = found.study, found.scored, found.training
    made = [record["conditions"] for record in records.values()]
    libraries = {name: None for each in made for name in each.get("libraries", {})}
    return [
        ("Data", f"{study.data}{_splits(records, study.data)}"),
        ("Pretrained on", f"{study.images}{_splits(records, study.images)}"),
        ("Scored", f"{scored['frames']} frames of split {scored['split']} at {conditions.size(scored['size'])} pixels"),
        ("Network input", f"{conditions.size(scored['input_size'])} pixels (rows x columns)"),
        ("Recipe", ", ".join([study.recipe, *(f"{key} {_said(value)}" for key, value in flatten(training).items())])),
        ("Variants", ", ".join(study.variants)),
        ("Seeds", f"{', '.join(map(str, study.seeds))}; all are reported"),
        ("Device", _counted(_device(each) for each in made if "device" in each)),
        ("Timed on", f"{found.latency['device']['name']}, {found.latency['device']['threads']} threads, batch 1"),
        ("Platform", _counted(each["platform"] for each in made if "platform" in each)),
        ("Python", _counted(each["python"] for each in made if "python" in each)),
        *((name, _counted(each["libraries"][name] for each in made if name in each.get("libraries", {})))
          for name in libraries),
        ("Commits", _counted(map(commit, made), "record")),
    ]  # fmt: skip


def _splits(records: Mapping[str, Record], data: str) -> str:
    """The size of each split, if the manifest is at hand."""
    record = records.get(paths.fill(paths.MANIFEST, data=data).as_posix())
    if record is None:
        return ""
    splits = record["result"].get("splits", {})
    return " (" + ", ".join(f"{name} {split['count']}" for name, split in splits.items()) + ")"


def _device(made: Mapping[str, object]) -> str:
    return ", ".join(f"{made[key]}{unit}" for key, unit in _DEVICE.items() if key in made)


_DEVICE = {"device": "", "threads": " thread(s)", "precision": ""}


def _counted(values: Iterable[str], what: str = "") -> str:
    """Each value once; with how many have it, where there are several or a thing is named."""
    found: dict[str, int] = {}
    for value in values:
        found[value] = found.get(value, 0) + 1
    if len(found) == 1 and not what:
        return next(iter(found))
    return ", ".join(f"{value} ({count}{f' {what}s' if what else ''})" for value, count in found.items())


def _said(value: object) -> str:
    return "x".join(map(str, value)) if isinstance(value, list) else str(value)
