"""The conditions of a study, as pairs of a name and its value."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from analysis.report.provenance import commit, threads
from analysis.results import conditions
from analysis.results.results import Results
from pipeline.config import paths
from pipeline.utils.records import Record, flatten


def pairs(found: Results, records: Mapping[str, Record]) -> list[tuple[str, str]]:
    """Data, sizes, recipe, seeds, devices, versions and commits. Where records differ, each value has its count."""
    study, made = found.study, [record["conditions"] for record in records.values()]
    return [
        *(_of_runs(found, records) if found.any_runs else []),
        ("Variants", ", ".join(study.variants)),
        ("Device", _counted(_device(each) for each in made if "device" in each)),
        ("Timed on", f"{found.latency['device']['name']}, {threads(found.latency['device'])}, one frame at a time"),
        ("Platform", _counted(each["platform"] for each in made if "platform" in each)),
        ("Versions", _counted(_versions(each) for each in made if "libraries" in each)),
        ("Commits", _counted(map(commit, made), always=True)),
    ]


def _of_runs(found: Results, records: Mapping[str, Record]) -> list[tuple[str, str]]:
    study, scored, training = found.study, found.scored, found.training
    return [
        ("Data", f"{study.data}{_splits(records, study.data)}"),
        ("Pretrained on", f"{study.images}{_splits(records, study.images)}"),
        ("Scored", f"{scored['frames']} frames of split {scored['split']} at {conditions.size(scored['size'])} pixels"),
        ("Network input", f"{conditions.size(scored['input_size'])} pixels (rows x columns)"),
        ("Recipe", ", ".join([study.recipe, *(f"{key} {_said(value)}" for key, value in flatten(training).items())])),
        ("Seeds", f"{', '.join(map(str, study.seeds))}; all are reported"),
    ]


def _splits(records: Mapping[str, Record], data: str) -> str:
    """The size of each split, if the manifest is available."""
    record = records.get(paths.fill(paths.MANIFEST, data=data).as_posix())
    if record is None:
        return ""
    splits = record["result"].get("splits", {})
    return " (" + ", ".join(f"{name} {split['count']}" for name, split in splits.items()) + ")"


def _device(made: Mapping[str, Any]) -> str:
    return ", ".join(each for each in (made["device"], threads(made), made.get("precision", "")) if each)


def _versions(made: Mapping[str, Any]) -> str:
    named = {"Python": made.get("python", "of unknown version"), **made["libraries"]}
    return ", ".join(f"{name} {version}" for name, version in named.items())


def _counted(values: Iterable[str], always: bool = False) -> str:
    """Each value once, with the number of its records if there are several values, or `always`."""
    found = Counter(values)
    if len(found) == 1 and not always:
        return next(iter(found))
    return "; ".join(f"{value} ({count} record{'s' if count > 1 else ''})" for value, count in found.items())


def _said(value: object) -> str:
    if not isinstance(value, list):
        return str(value)
    # Lists of names are splits, lists of whole numbers are sizes, and all others are ranges.
    kinds = {type(each) for each in value}
    return (" + " if kinds == {str} else "x" if kinds == {int} else " to ").join(map(str, value))
