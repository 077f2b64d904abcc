"""Keep a study's result files where git tracks them, and render its tables and figures from them again.

Kept is what tables and figures need and nothing that is large or someone else's: no weights, no frames.
"""

import shutil
from pathlib import Path

from analysis.study import analyse
from pipeline.config import paths
from pipeline.config.params import Params
from pipeline.graph import graph, provenance
from pipeline.utils.errors import BadInput

KEPT_STAGES = [stage for stage in graph.STAGES if stage not in ("analyse", "track")]


def keep(params: Params) -> Path:
    """Copy the study's result files to studies/STUDY and render them; return that folder.

    `BadInput` if one is missing or is not what today's parameters and inputs would make.
    """
    root = folder(params)
    files = []
    for job in graph.jobs(params):
        if job.stage in KEPT_STAGES:
            _check_current(job)
            # Of the runs that a rate was chosen by the records are enough.
            left = (".pt", ".npz") if job.wildcards.get("recipe") in params.trials else (".pt",)
            files += [path for path in job.output_files if path.suffix not in left]
    shutil.rmtree(root, ignore_errors=True)
    for path in files:
        target = root / path.relative_to(path.parts[0])
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    render(params)
    return root


def render(params: Params) -> Path:
    """Write the tables and figures of the kept results beside them; return their folder."""
    root, study = folder(params), params.study
    if not root.exists():
        raise BadInput(f"{root} is missing: no results of {study.name} are kept; run the study, then `keep` it")
    # The kept manifest says the classes; the frames themselves belong to the data set's owner.
    analyse(study, root / study.name, results=root, prepared=root / "prepared")
    return root / study.name


def folder(params: Params) -> Path:
    """Where a study's kept results lie."""
    return paths.fill(paths.KEPT, study=params.study.name)


def _check_current(job: graph.Job) -> None:
    # Sources may have changed since, as in any published result: the record names the commit that made it.
    changed = [reason for reason in provenance.reasons(job) if not reason.startswith("source ")]
    if changed:
        raise BadInput(f"{job.record} cannot be kept: {changed[0]}; run the study first")
