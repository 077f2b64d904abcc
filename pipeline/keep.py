"""Keep a study's result files where git tracks them, and render its tables and figures from them again.

Kept is what tables and figures need and nothing that is large or someone else's: no weights, no frames.
"""

import shutil
from pathlib import Path

from analysis.study import analyse
from pipeline import sums
from pipeline.config import paths
from pipeline.config.params import Params
from pipeline.graph import graph, provenance
from pipeline.utils.errors import BadInput, refuse

KEPT_STAGES = [stage for stage in graph.STAGES if stage not in ("analyse", "track")]
OF_NO_RUN = ("complexity", "paper", "interpretations", "latency")
"""Stages that need neither frames nor weights."""


def keep(params: Params, unfinished: bool = False) -> Path:
    """Copy the study's result files to studies/STUDY and render them; return that folder.

    `BadInput` if one is missing or is not what today's parameters and inputs would make. If `unfinished`, runs that
    were not scored are left out. If none was scored, times and counts are kept alone.
    """
    root, jobs = folder(params), graph.jobs(params)
    kept, runs = KEPT_STAGES, [job for job in jobs if job.stage == "evaluate"]
    if all(map(_waits, runs)):
        if not unfinished:
            name = params.study.name
            raise BadInput(
                f"no run of {name} is scored; run `snakemake --cores 2 --config study={name}`, or keep its times and "
                "counts alone with --unfinished"
            )
        kept = OF_NO_RUN
    files = []
    for job in jobs:
        if job.stage in kept and not (unfinished and _waits(job)):
            _check_current(job)
            # Of the runs that a rate was chosen by the records are enough.
            left = (".pt", ".npz") if job.wildcards.get("recipe") in params.trials else (".pt",)
            files += [path for path in job.output_files if path.suffix not in left]
    shutil.rmtree(root, ignore_errors=True)
    for path in files:
        target = root / path.relative_to(path.parts[0])
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    sums.write(root)
    render(params)
    return root


def render(params: Params) -> Path:
    """Write the tables and figures of the kept results beside them; return their folder.

    `BadInput` if a kept file is not the one that was kept, or a kept run is left out.
    """
    root, study = folder(params), params.study
    if not root.exists():
        raise BadInput(f"{root} is missing: no results of {study.name} are kept; run the study, then `keep` it")
    refuse(sums.differences(root))
    refuse(left_out(params))
    # The kept manifest says the classes; the frames themselves belong to the data set's owner.
    notes = sums.changed(root)
    analyse(study, root / study.name, results=root, prepared=root / "prepared", notes=notes, unfinished=True)
    return root / study.name


def left_out(params: Params) -> list[str]:
    """A sentence for each kept run that the study does not name: leaving out a seed would change its numbers."""
    study, root = params.study, folder(params)
    runs = paths.fill(paths.RUN, data=study.data, images=study.images, recipe=study.recipe, variant="*", seed="*")
    named = {(name, str(seed)) for name in study.variants for seed in study.seeds}
    kept = [path for path in sorted(root.glob(str(runs.relative_to(runs.parts[0])))) if path.is_dir()]
    return [
        f"{path} holds a kept run of {path.parent.name} with seed {path.name}, which study {study.name} does not name; "
        "name it again, or run the study and keep it"
        for path in kept
        if (path.parent.name, path.name) not in named
    ]


def folder(params: Params) -> Path:
    """Where a study's kept results lie."""
    return paths.fill(paths.KEPT, study=params.study.name)


def _waits(job: graph.Job) -> bool:
    """Whether a job belongs to a run that was not scored."""
    return job.stage in ("train", "evaluate") and not (job.folder / "scores.json").exists()


def _check_current(job: graph.Job) -> None:
    changed = changes(job)
    if changed:
        raise BadInput(f"{job.record} cannot be kept: {changed[0]}; run the study first")


def changes(job: graph.Job) -> list[str]:
    """Why a job's result is not what today's parameters and inputs make.

    Its sources may have changed since, as in any published result: the record names the commit that made it.
    """
    return [reason for reason in provenance.reasons(job) if not reason.startswith("source ")]
