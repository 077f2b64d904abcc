"""What the page says of each record: commit, parameters, seed, data and conditions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analysis.results import conditions
from pipeline.utils.digests import sha256_of_json
from pipeline.utils.records import Record, flatten

if TYPE_CHECKING:
    from pipeline.config.study import Study


@dataclass(frozen=True)
class Entry:
    """A record as the page shows it. `anchor` is its name there, `file` its path relative to the page."""

    anchor: str
    path: str
    file: str
    summary: dict[str, str]
    params: dict[str, Any]
    data: dict[str, str]
    conditions: dict[str, Any]


def groups(study: "Study", records: Mapping[str, Record]) -> dict[tuple[str, str], list[Entry]]:
    """Every record once: those of the whole study, then those of each variant. Keys are (anchor, heading)."""
    shared = ("shared-records", "The whole study")
    found: dict[tuple[str, str], list[Entry]] = {shared: []}
    found |= {(f"runs-of-{name}", name): [] for name in study.variants}
    for path, record in records.items():
        variant = record["wildcards"].get("variant", "")
        key = (f"runs-of-{variant}", variant)
        found[key if key in found else shared].append(entry(path, record))
    return {key: sorted(entries, key=lambda each: each.path) for key, entries in found.items() if entries}


def entry(path: str, record: Record) -> Entry:
    """Describe one record."""
    made = record["conditions"]
    summary = {
        "commit": commit(made),
        "seed": record["wildcards"].get("seed", ""),
        "data": _data(record),
        "parameters": fingerprint(record["params"]),
        "device": ", ".join(each for each in (made.get("device", ""), threads(made)) if each),
        "finished": made.get("finished", "").replace("T", " ").removesuffix("+00:00"),
    }
    sources = record.get("sources", {})
    made_with = flatten({key: value for key, value in made.items() if key not in ("commit", "dirty", "finished")})
    return Entry(
        anchor=path,
        path=path,
        file=f"../{path.removeprefix('results/')}" if path.startswith("results/") else "",
        summary={key: value for key, value in summary.items() if value},
        params=flatten(record["params"]),
        data={**record["inputs"], **record["outputs"]},
        conditions=made_with | {"sources": f"{len(sources)} files, digest {fingerprint(sources)}"},
    )


def commit(made: Mapping[str, Any]) -> str:
    """A commit, shortened, and whether there were uncommitted changes."""
    return made["commit"][:8] + (" with uncommitted changes" if made.get("dirty") else "")


def fingerprint(tree: Any) -> str:
    """The first digits of the SHA-256 of a tree's JSON with sorted keys."""
    return sha256_of_json(tree)[:8]


def _data(record: Record) -> str:
    """The prepared data that a record was made from: names, and digests of the manifests."""
    manifests = [(path.split("/")[-2], digest) for path, digest in record["inputs"].items() if "manifest" in path]
    return ", ".join(f"{name} {digest[:8]}" for name, digest in manifests)


def threads(made: Mapping[str, Any]) -> str:
    """The number of CPU threads, if it was recorded."""
    return conditions.threads(made["threads"]) if "threads" in made else ""
