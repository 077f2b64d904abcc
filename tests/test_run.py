"""One job's wrapper: whole records or none, logs, and the plan that says what would run and why."""

import errno
import json
from pathlib import Path

import pytest

from pipeline import engine, graph, params, provenance, run
from pipeline.errors import BadInput

RECORD = Path("results/complexity/synthetic/quick/d.json")


def complexity(loaded: params.Params) -> graph.Job:
    return graph.job(loaded, "complexity", {"data": "synthetic", "recipe": "quick", "variant": "d"})


def test_a_record_stands_alone_and_says_why_it_would_be_made_again(workspace):
    loaded = params.load()
    job = complexity(loaded)
    assert provenance.reasons(job, loaded) == ["it has no result yet"]
    run.run(job, loaded)
    record = json.loads(RECORD.read_text())
    assert record["params"]["variants.d"]["networks"] == 2
    assert {"commit", "dirty", "python", "libraries", "platform", "finished"} <= record["conditions"].keys()
    assert "models/structures.py" in record["sources"]
    assert provenance.reasons(job, loaded) == []

    workspace.edit(lambda p: p["variants"]["d"].update(networks=3))
    changed = params.load()
    assert provenance.reasons(job, changed) == ["parameter variants.d.networks changed from 2 to 3"]
    source = Path("models/aspp.py")
    source.write_text(source.read_text() + "\n")
    assert provenance.reasons(job, loaded) == ["source models/aspp.py changed"]
    RECORD.write_text(RECORD.read_text()[:-40])
    assert provenance.reasons(job, loaded) == [f"{RECORD} is cut short"]
    with pytest.raises(BadInput, match=r"d\.json is cut short or is not JSON; delete it and run its stage again"):
        provenance.read(RECORD)


def test_what_follows_from_a_job_that_runs_runs_too(workspace):
    stale = engine.stale(params.load())
    assert len(stale) == len(graph.jobs(params.load()))
    assert "data/prepared/crops/manifest.json is made again" in stale["pretrain crops quick xception-a"]


def test_a_full_disk_ends_the_job_with_a_sentence_and_without_a_record(workspace, monkeypatch):
    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    loaded = params.load()
    monkeypatch.setitem(run.STAGES, "complexity", full)
    with pytest.raises(
        BadInput, match="no space was left while complexity synthetic quick d wrote to .*make room there"
    ):
        run.run(complexity(loaded), loaded)
    assert not RECORD.exists()


def test_everything_said_is_in_the_job_s_log(workspace, monkeypatch, capfd):
    loaded = params.load()
    monkeypatch.setitem(run.STAGES, "complexity", lambda *arguments: run.say("counting\nstill counting") or ({}, {}))
    run.run(complexity(loaded), loaded)
    assert run.log(complexity(loaded)).read_text() == "counting\nstill counting\n"
    name = "[complexity synthetic quick d] "
    assert capfd.readouterr().err == f"{name}counting\n{name}still counting\n"


def test_the_plan_says_jobs_frames_disk_and_time_before_anything_starts(workspace):
    shown = workspace.pipeline("plan", "--cores", "2").stdout
    assert "train          2       2  it has no result yet (2)" in shown
    assert "2 runs of 24 frames at 64x64 (3 epochs each)" in shown
    assert "of prepared data still to write" in shown and "with 2 jobs side by side" in shown
    assert not (workspace.root / "data/prepared").exists() and not (workspace.root / "results").exists()
    without = workspace.pipeline("plan", "cityscapes").stdout
    assert "frames     unknown: data/raw/cityscapes" in without and "CITYSCAPES_DIR" in without
