"""Whether a study was registered: committed before its first run, with what it asks and how it decides."""

from typing import Any

import yaml
from pydantic import ValidationError

from analysis.results.results import Results
from pipeline.config import paths
from pipeline.config.study import Study
from pipeline.utils import git

REGISTERED = (
    "question", "data", "images", "recipe", "variants", "baseline", "seeds", "contrasts", "correction",
    "smallest_effect", "frames_per_block",
)  # fmt: skip
"""The keys of a study that must not change once it runs."""


def sentence(results: Results) -> str:
    """Where the study was registered and of which commit its runs are, or why it does not count as registered."""
    study = results.registered
    if not study.question:
        return "This study was not registered: its file names no question and no contrasts."
    file = paths.fill(paths.STUDY, study=study.name)
    file = file if file.exists() else paths.PARAMS
    registered, uncommitted = _registered(study, str(file))
    if registered is None:
        return f"This study was not registered: {uncommitted}."
    runs = {record["conditions"]["commit"] for record in results.train.values()}
    before = sorted(run for run in runs if not git.is_ancestor(registered, run))
    if before:
        return (
            f"This study was not registered before it ran: {file} holds its contrasts since commit "
            f"{_named(registered)}, but runs are of commit {', '.join(map(_named, before))}."
        )
    return (
        f"This study was registered in commit {_named(registered)}, before its first run, and its contrasts are "
        f"unchanged since. Its runs are of commit {', '.join(map(_named, sorted(runs)))}."
    )


def _registered(study: Study, file: str) -> tuple[str | None, str]:
    """The commit since which `file` registers the study as it is, or None and the reason."""
    commits = git.said("log", "--format=%H", "--", file).split()
    if not commits:
        return None, f"git knows no commit of {file}"
    registered = None
    for commit in commits:
        if _keys(study) != _keys(_at(commit, file)):
            break
        registered = commit
    return registered, f"{file} is not committed as it is"


def _keys(study: Study | None) -> dict[str, Any] | None:
    return study and {key: getattr(study, key) for key in REGISTERED}


def _at(commit: str, file: str) -> Study | None:
    """The study that `file` held in a commit, or None if it held none."""
    try:
        return Study.model_validate(yaml.safe_load(git.said("show", f"{commit}:{file}"))["study"])
    except (yaml.YAMLError, ValidationError, KeyError, TypeError):
        return None


def _named(commit: str) -> str:
    """A commit with its date; without one if git does not know it."""
    date = git.said("show", "--no-patch", "--format=%cs", commit)
    return f"{commit[:8]} ({date})" if date else f"{commit[:8]} (unknown)"
