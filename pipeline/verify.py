"""Say what of a study's numbers was checked against what, and what differs.

A kept study is checked against its SHA256SUMS and the last commit, and other results against the digests in the records
of their jobs. The checks of pipeline/verification are the same for both.
"""

from collections.abc import Iterator
from pathlib import Path

from pipeline import keep, sums
from pipeline.config import paths
from pipeline.config.params import Params
from pipeline.graph import graph
from pipeline.graph.graph import Job
from pipeline.utils import git, remembered
from pipeline.utils.digests import digest
from pipeline.utils.errors import BadInput
from pipeline.utils.records import AGAIN
from pipeline.verification import numbers, paper
from pipeline.verification.check import Check
from pipeline.verification.study import Verified

CHECKS = (numbers.scores, numbers.training, numbers.counts, numbers.each_other, paper.paper)


def verify(params: Params, results: bool = False) -> list[Check]:
    """Check the kept results of a study, if there are any, or those in results/; with `results` always these.

    Every file is read again, including those whose digest is remembered. Raises `BadInput` if the study has no results.
    """
    remembered.forget()
    name, kept = params.study.name, keep.folder(params).exists() and not results
    jobs = [] if kept else graph.jobs(params)
    measured = [job.record for job in jobs if job.stage in keep.KEPT_STAGES]
    study = _kept(params) if kept else Verified(params, Path("results"), measured, kept=False)
    if not study.records:
        raise BadInput(
            f"study {name} has no results in {study.root} to verify; run it first: "
            f"`snakemake --cores 2 --config study={name}`"
        )
    checks = [*(_kept_files(study) if kept else _files_of(study, jobs))]
    checks += [check for make in CHECKS for check in make(study)]
    return [*checks, _committed("claims, tolerances, tables", Path(paths.PAPER))]


def _kept(params: Params) -> Verified:
    root = keep.folder(params)
    found = [path for path in sums.files(root) if path.suffix == ".json"]
    return Verified(params, root, found, kept=True)


def _kept_files(study: Verified) -> Iterator[Check]:
    listed = f"{study.root / sums.NAME}"
    files, judged = Check("kept files", listed), Check("study file, claims, effects, tolerances", listed)
    files.each(sums.differences, study.root, count=len(sums.files(study.root)))
    judged.each(sums.changed, study.root, count=len(sums.judged_by(study.root)))
    runs = Check("kept runs", "variants and seeds of the study")
    trained = [each for each in study.of("train").values() if study.has_arrays(each)]
    runs.each(keep.left_out, study.params, count=len(trained))
    yield from (files, judged, runs, _committed("kept and rendered files", study.root))


def _committed(what: str, folder: Path) -> Check:
    """Whether a folder is as in the last commit, by the content of its files and not by git's notes of them."""
    then = git.committed(folder)
    if not then:
        return Check(what, "the last commit", unchecked="git has none of them")
    now = git.blobs(path for path in folder.rglob("*") if path.is_file())
    differing = [path for path in sorted(then.keys() | now.keys()) if then.get(path) != now.get(path)]
    sentence = "{0} is not as in the last commit; `git diff {0}` shows the difference, `git log {0}` its history"
    return Check(what, f"commit {git.last_commit(folder)}", len(then), [sentence.format(path) for path in differing])


def _files_of(study: Verified, jobs: list[Job]) -> Iterator[Check]:
    files, prepared = Check("files of all jobs", "digests in their records"), Check("prepared arrays", "their manifest")
    for job in jobs:
        if job.stage not in keep.KEPT_STAGES and not job.record.exists():
            continue  # tables and figures, or MLflow, of a study whose numbers may be verified before they are made
        files.each(_changes, job, count=len(job.output_files))
    for path, record in study.of("prepare").items():
        for split in record["result"]["splits"].values():
            for name, written in split["sha256"].items():
                prepared.each(_array, path.with_name(name), written)
    yield from (files, prepared)


def _changes(job: Job) -> list[str]:
    return [f"{job.record}: {reason}; {AGAIN}" for reason in keep.changes(job)]


def _array(path: Path, written: str) -> list[str]:
    if path.exists() and digest(path) == written:
        return []
    return [f"{path} is {'not what its manifest says' if path.exists() else 'missing'}; {AGAIN}"]
