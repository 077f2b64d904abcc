"""Results of several studies as one file: pack them where they were made, take them in where they are kept.

A parcel is a zip with the files under their own paths and their digests in SHA256SUMS. Weights are left out unless
they are asked for; a pointer then stands in for them, so that records stay current.
"""

import hashlib
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from pipeline import run, sums
from pipeline.config import paths
from pipeline.config.params import Params
from pipeline.data import registry
from pipeline.graph import arrays, graph, provenance
from pipeline.graph.graph import Job
from pipeline.planning.queue import ELSEWHERE
from pipeline.utils import archives, files, pointers
from pipeline.utils.digests import digest, sha256
from pipeline.utils.errors import BadInput, refuse
from pipeline.utils.records import Record, read

WEIGHTS = ".pt"
LARGEST = 20_000_000_000
"""Bytes that a parcel may hold unpacked; without weights it holds a few million."""
FOLDERS = ("results", "data/prepared", "work/logs")
"""Where the files of a parcel belong."""
AGAIN = "pack it again where it was made, or copy it again"
LOG_END = 20_000
"""Bytes of the end of a failed job's log that are packed."""


def pack(jobs: Iterable[Job], failed: Iterable[Job], target: Path, weights: bool = False) -> int:
    """Write the results of the jobs that are current to `target`, and the logs of failed ones; return their number."""
    current = [job for job in jobs if not provenance.reasons(job)]
    results = [path for job in current for path in job.output_files if weights or path.suffix != WEIGHTS]
    logs = [path for job in failed if (path := job.log).exists()]
    target.parent.mkdir(parents=True, exist_ok=True)
    with (
        files.space_for(target.parent),
        files.atomic(target) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        lines = [_store(archive, path, path.read_bytes()) for path in results]
        lines += [_store(archive, path, path.read_bytes()[-LOG_END:]) for path in logs]
        archive.writestr(sums.NAME, "".join(lines))
    return len(current)


def _store(archive: zipfile.ZipFile, path: Path, content: bytes) -> str:
    archive.writestr(path.as_posix(), content)
    return sums.line(path, sha256(content))


def take_in(params: Params, parcel: Path) -> list[str]:
    """Put a study's files from a parcel where its jobs would have written them; return what is to be said about it.

    Nothing is written unless all of it fits: every file is the one that was packed, every record is that of a job of
    the study with today's parameters and inputs, and no other result lies in its place. Raises `BadInput` otherwise.
    """
    paths.WORK.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=paths.WORK) as folder:
        _unpack(parcel, staged := Path(folder))
        jobs = [job for job in graph.jobs(params) if (staged / job.record).exists()]
        if not jobs:
            raise BadInput(f"{parcel} holds no results of the study {params.study.name} as its file names them now")
        records = {job.name: read(staged / job.record) for job in jobs}
        found = _Digests(staged, records.values())
        notes = [note for job in jobs for note in _check(job, records[job.name], found, parcel)]
        moved = sum(_move(job, staged, found) for job in jobs)
        logs = [_keep_log(path, staged) for job in graph.jobs(params) if (staged / (path := job.log)).exists()]
    return [f"{moved} of {len(jobs)} jobs taken in from {parcel}", *dict.fromkeys(notes), *logs, *_without_frames(jobs)]


def complete(params: Params) -> None:
    """Make what trains nothing and is missing: the counts and, if a run is scored, the floor.

    Raises `BadInput` if frames are missing that the floor needs.
    """
    jobs = graph.jobs(params)
    scored = any(job.stage == "evaluate" and job.record.exists() for job in jobs)
    for job in jobs:
        if job.stage in ELSEWHERE and provenance.reasons(job):
            if job.stage == "floor":
                if not scored:
                    continue
                _frames(params, graph.job(params, "prepare", {"data": job.wildcards["data"]}))
            run.run(job, params, track=False)


def _frames(params: Params, prepare: Job) -> None:
    """Write the frames whose manifest alone was taken in, and see that they are the same."""
    if not pointers.among(prepare.folder):
        return
    name, then = prepare.wildcards["data"], digest(prepare.record)
    try:
        registry.open_source(name, params.data[name])
    except BadInput as error:
        raise BadInput(f"the floor needs the frames of {name}, and they are not here: {error}") from None
    run.run(prepare, params, track=False, force=True)
    if digest(prepare.record) != then:
        raise BadInput(
            f"the frames of {name} here are not those that the results were made of; compare the published files, "
            f"delete {prepare.folder} and take the results in again"
        )


def _unpack(parcel: Path, folder: Path) -> None:
    """Unpack a parcel into `folder`. `BadInput` unless it holds exactly the files that it lists, unchanged."""
    with archives.opened(parcel, AGAIN, LARGEST) as (members, open_member):
        kept = {Path(each.name): each for each in members if each.kind == "file"}
        files.require_space(folder, sum(each.bytes for each in kept.values()))
        if kept.pop(Path(sums.NAME), None) is None:
            raise BadInput(f"{parcel} holds no {sums.NAME}, so it was not packed by `batch`; {AGAIN}")
        lines = open_member(sums.NAME).read().decode(errors="replace").splitlines()
        listed = sums.parsed(lines, f"{sums.NAME} in {parcel}", AGAIN)
        refuse(_strangers(parcel, set(kept), set(listed)))
        for path in kept:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            with open_member(path.as_posix()) as source, (folder / path).open("xb") as target:
                shutil.copyfileobj(source, target)
            with (folder / path).open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != listed[path]:
                    raise BadInput(f"{path} in {parcel} is not the file that was packed; {AGAIN}")


def _strangers(parcel: Path, kept: set[Path], listed: set[Path]) -> Iterator[str]:
    for path in sorted(kept - listed):
        yield f"{path} in {parcel} is not listed in its {sums.NAME}; {AGAIN}"
    for path in sorted(listed - kept):
        yield f"{path} is listed in {parcel}, but missing from it; {AGAIN}"
    for path in sorted(kept):
        if not any(path.is_relative_to(folder) for folder in FOLDERS):
            yield f"{path} in {parcel} lies outside {', '.join(FOLDERS)}; {AGAIN}"


class _Digests:
    """Digests of files as they will be: those of the parcel, of the weights that its records name, and local ones."""

    def __init__(self, staged: Path, records: Iterable[Record]):
        self._staged = staged
        named = (item for record in records for item in record["outputs"].items())
        self.left_out = {Path(path): each for path, each in named if path.endswith(WEIGHTS)}

    def __call__(self, wanted: Iterable[Path]) -> dict[str, str]:
        return {str(path): each for path in wanted if (each := self._one(path))}

    def _one(self, path: Path) -> str | None:
        if (self._staged / path).exists():
            return digest(self._staged / path)
        if path in self.left_out:
            return self.left_out[path]
        return digest(path) if path.exists() else None


def _check(job: Job, record: Record, found: _Digests, parcel: Path) -> Iterator[str]:
    """`BadInput` unless a record fits its job and no other result lies there; notes of what may differ."""
    if (record["stage"], record["wildcards"]) != (job.stage, job.wildcards):
        raise BadInput(f"{job.record} in {parcel} is not the record of {job.name}; {AGAIN}")
    differing = provenance.differences(job, record, found)
    for difference in differing:
        if not difference.startswith("source "):
            raise BadInput(
                f"{job.record} in {parcel} does not fit this checkout: {difference}; check out the commit "
                f"{record['conditions'].get('commit', 'unknown')}, with which it was made"
            )
    if differing:
        yield (
            f"some results were made by other sources (commit {record['conditions'].get('commit', 'unknown')}): "
            "they can be kept, but an engine would make them again"
        )
    if job.record.exists() and not provenance.reasons(job) and not _same(job, found):
        raise BadInput(f"{job.record} is another result of {job.name}; delete {job.record} if the parcel's is wanted")


def _same(job: Job, found: _Digests) -> bool:
    here = {str(path): digest(path) for path in job.output_files if path.exists()}
    return here == found(job.output_files)


def _move(job: Job, staged: Path, found: _Digests) -> bool:
    """Put a job's files in place, the record last; whether they were not there already."""
    if _same(job, found):
        return False
    job.record.unlink(missing_ok=True)
    for path in [*job.output_files[1:], job.record]:
        path.parent.mkdir(parents=True, exist_ok=True)
        if (staged / path).exists():
            with files.atomic(path) as temporary:
                shutil.copyfile(staged / path, temporary)
        elif path in found.left_out:
            files.write(path, pointers.text(found.left_out[path]))
    for name, sha256_of_array in arrays.digests(read(job.record)["result"]).items():
        if not (path := job.record.with_name(name)).exists():
            files.write(path, pointers.text(sha256_of_array))
    return True


def _keep_log(path: Path, staged: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(staged / path, path)
    return f"{path} says why that job failed"


def _without_frames(jobs: Iterable[Job]) -> list[str]:
    names = [job.wildcards["data"] for job in jobs if job.stage == "prepare" and pointers.among(job.folder)]
    return [
        f"data/prepared/{name} only names its frames; `python -m pipeline prepare {name} --force` writes them, where "
        "they are needed"
        for name in names
    ]
