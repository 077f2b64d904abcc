"""Whether a study counts as registered, in a repository of its own."""

import subprocess
from pathlib import Path

import pytest
import yaml

from analysis.results import registration
from analysis.results.results import read


@pytest.fixture
def repository(made, tmp_path, monkeypatch):
    """A small study, with an empty repository as the current folder."""
    made.variants, made.frames = ("single", "d"), 2
    monkeypatch.chdir(tmp_path)
    git("init", "-q")
    return made


def git(*arguments: str) -> str:
    identity = ("-c", "user.name=A", "-c", "user.email=a@b.c")
    return subprocess.run(["git", *identity, *arguments], check=True, capture_output=True, text=True).stdout.strip()


def study(made, **changes):
    return made.study.model_copy(update={"question": "Is d better?", "contrasts": [("d", "single")], **changes})


def commit(study, message: str) -> str:
    path = Path(f"studies/{study.name}.yaml")
    path.parent.mkdir(exist_ok=True)
    path.write_text(yaml.safe_dump({"study": study.model_dump(mode="json")}))
    git("add", "studies")
    git("commit", "-q", "-m", message)
    return git("rev-parse", "HEAD")


def results(made, study, run: str):
    found = read(study, made.write().results)
    for record in found.train.values():
        record["conditions"]["commit"] = run
    return found


def test_a_study_that_was_committed_before_its_runs_is_registered(repository):
    asked = study(repository)
    registered = commit(asked, "registers")
    run = commit(asked.model_copy(update={"title": "Another title"}), "a title registers nothing")
    said = registration.sentence(results(repository, asked, run))
    assert f"registered in commit {registered[:8]}" in said and f"runs are of commit {run[:8]}" in said


def test_a_contrast_that_was_added_after_the_runs_is_told(repository):
    run = commit(study(repository, contrasts=[]), "without contrasts")
    changed = commit(study(repository), "with one")
    said = registration.sentence(results(repository, study(repository), run))
    assert f"not registered before it ran: studies/made.yaml holds its contrasts since commit {changed[:8]}" in said
    assert f"runs are of commit {run[:8]}" in said


def test_a_change_that_is_not_committed_is_told(repository):
    run = commit(study(repository), "registers")
    said = registration.sentence(results(repository, study(repository, seeds=[0, 1]), run))
    assert "not registered: studies/made.yaml is not committed as it is" in said


def test_a_commit_that_git_does_not_know_is_no_proof(repository):
    commit(study(repository), "registers")
    said = registration.sentence(results(repository, study(repository), "0123456789abcdef"))
    assert "not registered before it ran" in said and "01234567 (unknown)" in said


def test_a_study_without_a_question_or_a_repository_is_not_registered(made, tmp_path, monkeypatch):
    made.variants, made.frames = ("single", "d"), 2
    monkeypatch.chdir(tmp_path)
    assert "names no question" in registration.sentence(results(made, made.study, "x"))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert "git knows no commit of params.yaml" in registration.sentence(results(made, study(made), "x"))
