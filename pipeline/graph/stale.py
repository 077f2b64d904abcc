"""Which of a study's jobs are out of date."""

from pathlib import Path

from pipeline.config.params import Params
from pipeline.graph import graph, provenance


def stale(params: Params) -> dict[str, list[str]]:
    """For each job of the study that would run, by name, why. If an input is rebuilt, so is all that depends on it."""
    rebuilt: set[Path] = set()
    found = {}
    for job in graph.jobs(params):
        reasons = provenance.reasons(job)
        reasons += [f"{path} is rebuilt" for path in job.input_files if path in rebuilt]
        if reasons:
            found[job.name] = reasons
            rebuilt |= set(job.output_files)
    return found
