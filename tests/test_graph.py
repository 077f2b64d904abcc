"""Snakefile and dvc.yaml describe one graph: the one of pipeline/graph.py."""

import re
from pathlib import Path

import pytest
from dvc.repo import Repo

from pipeline import engine, graph, params
from tests.conftest import ROOT


def inside(path: Path, places: set[Path]) -> bool:
    return any(path == place or place in path.parents for place in places)


@pytest.fixture(autouse=True)
def _in_the_repository(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.fixture(scope="module")
def declared():
    """Every stage that DVC finds in the repository."""
    return Repo(ROOT).index.stages


@pytest.mark.parametrize("study", params.studies())
def test_dvc_yaml_says_stage_command_inputs_outputs_and_parameters_of_every_job(declared, study):
    loaded = params.load(study)
    file = ROOT / engine.dvc_file(loaded)
    stages = {stage.addressing.split(":")[-1]: stage for stage in declared if Path(stage.path) == file}
    jobs = {engine.dvc_name(job): job for job in graph.jobs(loaded)}
    assert stages.keys() == jobs.keys()
    for name, job in jobs.items():
        stage = stages[name]
        assert stage.cmd == job.command
        # `prepare` writes a folder of which the manifest alone is declared, in both engines.
        assert {Path(out.fs_path).relative_to(ROOT) for out in stage.outs} == set(job.outputs), name
        found = {Path(dep.fs_path).relative_to(ROOT) for dep in stage.deps if not hasattr(dep, "params")}
        sources = set(graph.sources(job.stage))
        assert {path for path in (*job.inputs, *sources) if not inside(path, found)} == set(), f"{name} lacks deps"
        assert {path for path in found if not any(inside(p, {path}) for p in (*job.inputs, *sources))} == set(), name
        code = {p for path in found if (ROOT / path).is_dir() for p in path.rglob("*.py")} | found
        assert {p for p in code if p.suffix == ".py"} == sources, f"{name} depends on sources it does not import"
        keys = {key for dep in stage.deps if hasattr(dep, "params") for key in dep.params}
        assert keys == set(job.params), name


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


@pytest.mark.parametrize(
    "study", [name for name in params.studies() if (ROOT / "studies" / name / "study.yaml").exists()]
)
def test_the_studies_dvc_yaml_is_what_the_default_ones_text_makes(study):
    assert (ROOT / "studies" / study / "dvc.yaml").read_text() == engine.dvc_yaml(study), (
        f"run `python -m pipeline dvc {study}`"
    )


def test_a_stage_depends_on_the_modules_that_it_executes_and_on_no_others():
    train, analyse = graph.sources("train"), graph.sources("analyse")
    assert {Path("pipeline/train.py"), Path("models/aspp.py"), Path("pipeline/augment.py")} <= set(train)
    assert not {Path("pipeline/tracking.py"), Path("pipeline/params.py"), Path("pipeline/evaluate.py")} & set(train)
    assert not [path for path in analyse if path.parts[0] == "models"], "analysis must not need the networks"


def test_analysis_never_imports_torch(workspace):
    workspace.run("python", "-c", "import sys, analysis.study; assert 'torch' not in sys.modules")


def test_snakemake_lint_finds_at_most_the_missing_container(workspace):
    shown = workspace.run("snakemake", "--lint", check=False)
    complaints = re.findall(r"^    \* (.*):$", shown.stdout + shown.stderr, re.MULTILINE)
    assert {text for text in complaints if "container" not in text} == set()
