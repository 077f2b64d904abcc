"""Snakefile and dvc.yaml describe one graph: the one of pipeline/graph/graph.py."""

import re
from pathlib import Path

import pytest
from dvc.repo import Repo

from pipeline.config import params
from pipeline.graph import dvc, graph
from tests.conftest import ROOT


@pytest.fixture(autouse=True)
def _in_the_repository(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.fixture(scope="module")
def declared():
    """Every stage that DVC finds in the repository."""
    return Repo(ROOT).index.stages


def test_dvc_declares_every_job_of_every_study_once(declared):
    """Stage, command, inputs, outputs, sources and parameters."""
    jobs = {}
    for study in map(params.load, params.studies()):
        names = dvc.addresses(graph.jobs(study))
        jobs |= {name: (job, study.study.name) for name, job in zip(names, graph.jobs(study), strict=True)}
    stages = {address(stage): stage for stage in declared}
    assert stages.keys() == jobs.keys()
    for name, (job, study) in jobs.items():
        stage = stages[name]
        assert stage.cmd == job.command
        # `prepare` writes a folder of which the manifest alone is declared, in both engines.
        assert {Path(out.fs_path).relative_to(ROOT) for out in stage.outs} == set(job.outputs), name
        found = [Path(dep.fs_path).relative_to(ROOT) for dep in stage.deps if not hasattr(dep, "params")]
        assert sorted(found) == sorted([*job.inputs, *job.sources]), name
        keys = {key: Path(dep.fs_path).name for dep in stage.deps if hasattr(dep, "params") for key in dep.params}
        assert keys.keys() == set(job.params), name
        where = {file for key, file in keys.items() if key.startswith("study")}
        assert where <= {"params.yaml" if study == params.load().study.name else f"{study}.yaml"}, name


def address(stage) -> str:
    return f"{Path(stage.path).relative_to(ROOT)}:{stage.addressing.split(':')[-1]}"


def test_the_default_study_is_all_that_plain_dvc_runs(declared):
    default = set(dvc.addresses(graph.jobs(params.load())))
    assert default == {address(stage) for stage in declared if Path(stage.path) == ROOT / "dvc.yaml"}


def test_the_snakefile_says_command_inputs_and_outputs_of_every_job(workspace):
    loaded = params.load()
    shown = workspace.run(
        "snakemake", "--dry-run", "--forceall", "--printshellcmds", "--cores", "2", "--workflow-profile", "none"
    ).stdout
    found = {}
    for block in re.split(r"\n\n", shown):
        command = re.search(r"Shell command: (python .*)", block)
        if command:
            found[command[1]] = {key: _files(block, key) for key in ("input", "output")}
    jobs = {job.command: job for job in graph.jobs(loaded)}
    assert found.keys() == jobs.keys()
    for command, job in jobs.items():
        assert found[command]["output"] == set(job.outputs)
        stamps = {path for path in found[command]["input"] if path.parts[:2] == ("work", "stamps")}
        assert found[command]["input"] - stamps == set(job.inputs) and len(stamps) == 1


def _files(block: str, key: str) -> set[Path]:
    line = re.search(rf"^    {key}: (.*)$", block, re.MULTILINE)
    return {Path(name) for name in line[1].split(", ")} if line else set()


def test_both_dvc_yaml_are_what_the_graph_makes():
    for path, text in dvc.files().items():
        assert (ROOT / path).read_text() == text, "run `python -m pipeline dvc`"


def test_a_stage_depends_on_the_modules_that_it_executes_and_on_no_others():
    train, analyse = graph.sources("pipeline.training.train"), graph.sources("analysis.study")
    assert {Path("pipeline/training/train.py"), Path("models/aspp.py"), Path("pipeline/data/augment.py")} <= set(train)
    assert not {
        Path("pipeline/tracking/track.py"),
        Path("pipeline/config/params.py"),
        Path("pipeline/evaluation/evaluate.py"),
    } & set(train)
    assert not [path for path in analyse if path.parts[0] == "models"], "analysis must not need the networks"


def test_snakemake_lint_finds_at_most_the_missing_container(workspace):
    shown = workspace.run("snakemake", "--lint", check=False)
    complaints = re.findall(r"^    \* (.*):$", shown.stdout + shown.stderr, re.MULTILINE)
    assert {text for text in complaints if "container" not in text} == set()
