"""What a user of Snakemake reads when something is wrong: the sentence, last and alone."""

import os
from pathlib import Path

import pytest

from pipeline import run
from pipeline.config import params
from pipeline.graph import graph, snakefile
from pipeline.utils.errors import BadInput
from tests.conftest import Workspace


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"studdy": "camvid"}, 'error: --config studdy is unknown (did you mean "study"?); allowed is study, as in'),
        ({"study": "camvid", "cores": 8}, "error: --config cores is unknown; allowed is study"),
        ({"study": "camvod"}, 'error: there is no study "camvod" (did you mean "camvid"?)'),
        ({"study": 1}, 'error: there is no study "1"'),
        ({"study": None}, 'error: there is no study "None"'),
        ({"study": ["camvid"]}, "error: there is no study \"['camvid']\""),
        ({"study": "../x\n"}, 'error: there is no study "../x\\n"'),
    ],
)
def test_a_mistake_ends_snakemake_with_its_sentence(workspace, config, sentence):
    with pytest.raises(SystemExit) as ended:
        snakefile.load(config)
    assert str(ended.value).startswith(sentence) and "\n" not in str(ended.value)


def test_the_study_that_is_named_is_loaded(workspace):
    assert snakefile.load({}).study.name == "quickstart" and snakefile.load({"study": "peers"}).study.name == "peers"


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (BadInput("the disk is full; free some space"), "the disk is full; free some space"),
        (KeyError("x"), "KeyError: 'x' (see work/logs/complexity/synthetic/quick/d.log)"),
    ],
)
def test_why_jobs_failed_is_said_once_more(workspace, monkeypatch, error, sentence):
    def fail(*arguments):
        raise error

    loaded = params.load()
    failures = snakefile.Failures(loaded)
    job = graph.job(loaded, "complexity", {"data": "synthetic", "recipe": "quick", "variant": "d"})
    monkeypatch.setitem(run.STAGES, "complexity", fail)
    with pytest.raises(type(error)):
        run.run(job, loaded)
    assert failures.sentences() == [f"error: complexity synthetic quick d: {sentence}"]
    later = snakefile.Failures(loaded)
    later._began += 1
    assert later.sentences() == [], "only those of this run"
    monkeypatch.setitem(run.STAGES, "complexity", lambda *arguments: ({}, {}))
    run.run(job, loaded)
    assert failures.sentences() == []


@pytest.mark.engines
@pytest.mark.parametrize("ahead", [0, 24 * 60 * 60])
def test_a_job_runs_again_whatever_the_clock_said_when_its_files_were_made(workspace: Workspace, ahead):
    """A clock that was ahead dates outputs and inputs into the future."""
    target = "results/floor/synthetic/quick/floor.json"
    assert "2 of 2 steps" in workspace.run("snakemake", "--cores", "1", target).stderr
    for path in (Path(target), Path("data/prepared/synthetic/manifest.json")):
        os.utime(path, (path.stat().st_atime, path.stat().st_mtime + ahead))
    workspace.edit(lambda content: content["floor"].update(trees=3))
    assert "1 of 1 steps" in workspace.run("snakemake", "--cores", "1", target).stderr
    assert "Nothing to be done" in workspace.run("snakemake", "--cores", "1", target).stderr


@pytest.mark.engines
def test_snakemake_prints_the_sentence_last_and_alone(workspace: Workspace):
    published = (workspace.root / "params.yaml").read_text()
    workspace.edit(lambda content: content["study"].update(seeds=[True]))
    refused = workspace.run("snakemake", "--cores", "2", check=False)
    assert refused.returncode == 1 and "Traceback" not in refused.stderr and ".py" not in refused.stderr
    assert refused.stderr.splitlines()[-1].startswith("error: params.yaml: study.seeds.0 is True: ")
    (workspace.root / "params.yaml").write_text(published)
    target = "data/prepared/camvid/manifest.json"
    failed = workspace.run("snakemake", "--cores", "2", "--config", "study=camvid", "--", target, check=False)
    last = failed.stderr.splitlines()[-1]
    assert failed.returncode == 1 and last.startswith("error: prepare camvid: ") and "fetch camvid" in last
