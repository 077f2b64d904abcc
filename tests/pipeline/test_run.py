"""One job's wrapper: whole records or none, logs, and the plan that says what would run and why."""

import errno
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline import plan, run
from pipeline.config import params
from pipeline.graph import graph, provenance
from pipeline.graph.stale import stale
from pipeline.planning import cost, steps
from pipeline.utils import records
from pipeline.utils.errors import BadInput

RECORD = Path("results/complexity/synthetic/quick/d.json")


def complexity(loaded: params.Params) -> graph.Job:
    return graph.job(loaded, "complexity", {"data": "synthetic", "recipe": "quick", "variant": "d"})


def test_a_record_stands_alone_and_says_why_it_would_be_made_again(workspace):
    loaded = params.load()
    job = complexity(loaded)
    assert provenance.reasons(job) == ["it has no result yet"]
    run.run(job, loaded)
    record = json.loads(RECORD.read_text())
    assert record["params"]["variants.d"]["networks"] == 2
    assert {"commit", "dirty", "python", "libraries", "platform", "finished"} <= record["conditions"].keys()
    assert "models/structures/d.py" in record["sources"]
    assert provenance.reasons(job) == []

    workspace.edit(lambda p: p["variants"]["d"].update(networks=3))
    changed = params.load()
    assert provenance.reasons(complexity(changed)) == ["parameter variants.d.networks changed from 2 to 3"]
    source = Path("models/layers.py")
    source.write_text(source.read_text() + "\nEDITED = True\n")
    assert provenance.reasons(job) == ["source models/layers.py changed"]
    RECORD.write_text(RECORD.read_text()[:-40])
    assert provenance.reasons(job) == [f"{RECORD} is cut short or was changed"]
    for content in (RECORD.read_text(), "[" * 100_000):
        RECORD.write_text(content)
        with pytest.raises(BadInput, match=r"d\.json is cut short or is not JSON; delete it and run its stage again"):
            records.read(RECORD)


def test_a_current_record_is_not_computed_again_whoever_asks(workspace, monkeypatch, capfd):
    job, calls = complexity(params.load()), []
    monkeypatch.setitem(run.STAGES, "complexity", lambda *arguments: calls.append(1) or ({}, {}))
    run.run(job, params.load())
    run.run(job, params.load())
    assert len(calls) == 1 and capfd.readouterr().err == "complexity synthetic quick d: up to date\n"
    run.run(job, params.load(), force=True)
    RECORD.unlink()
    run.run(job, params.load())
    assert len(calls) == 3


def test_a_failed_job_leaves_no_record_even_of_what_was_there_before(workspace, monkeypatch):
    def fail(*arguments):
        raise RuntimeError("broken on purpose")

    monkeypatch.setitem(run.STAGES, "complexity", lambda *arguments: ({}, {}))
    run.run(complexity(params.load()), params.load())
    workspace.edit(lambda p: p["variants"]["d"].update(networks=3))
    monkeypatch.setitem(run.STAGES, "complexity", fail)
    with pytest.raises(RuntimeError):
        run.run(complexity(params.load()), params.load())
    assert not RECORD.exists()


SLOW = """
import sys, time
from pathlib import Path
from pipeline import plan, run
from pipeline.__main__ import main

prepare = run.STAGES["prepare"]
run.STAGES["prepare"] = lambda *arguments: (Path("begun").touch(), time.sleep(1), prepare(*arguments))[-1]
sys.exit(main(["prepare", "synthetic"]))
"""


def test_a_second_process_waits_for_the_first_and_uses_what_it_made(workspace):
    first = subprocess.Popen([sys.executable, "-c", SLOW], cwd=workspace.root, stderr=subprocess.DEVNULL)
    while not Path("begun").exists():
        assert first.poll() is None
        time.sleep(0.05)
    second = workspace.main("prepare", "synthetic")
    assert first.wait() == 0
    assert "another process works on" in second.stderr and "the other process finished it" in second.stderr


def test_without_wildcards_a_stage_runs_every_job_that_the_study_has(workspace, monkeypatch):
    names = []
    monkeypatch.setitem(run.STAGES, "complexity", lambda job, *rest: names.append(job.wildcards["variant"]) or ({}, {}))
    run.run_stage(params.load(), "complexity")
    assert names == ["single", "d"]
    run.run_stage(params.load(), "forms")  # none


def test_a_job_that_fails_does_not_stop_the_others_of_its_stage(workspace, monkeypatch, capsys):
    def fail_first(job, *rest):
        if job.wildcards["variant"] == "single":
            raise BadInput("broken on purpose")
        return {}, {}

    monkeypatch.setitem(run.STAGES, "complexity", fail_first)
    with pytest.raises(BadInput, match="broken on purpose"):
        run.run_stage(params.load(), "complexity")
    assert "complexity synthetic quick single failed: broken on purpose" in capsys.readouterr().err
    assert {name for name in stale(params.load()) if name.startswith("complexity")} == {
        "complexity synthetic quick single"
    }


@pytest.mark.parametrize("engine", ["dvc", None])
def test_what_changed_while_dvc_ran_a_job_is_not_taken_for_what_it_ran_with(workspace, monkeypatch, engine):
    def changed_meanwhile(*arguments):
        workspace.edit(lambda p: p["variants"]["d"].update(networks=3))
        return {}, {}

    monkeypatch.setitem(run.STAGES, "complexity", changed_meanwhile)
    names = {"data": "synthetic", "recipe": "quick", "variant": "d"}
    if engine is None:  # the record says the truth, and Snakemake goes by it
        run.run_stage(params.load(), "complexity", names)
        return
    monkeypatch.setenv("DVC_STAGE", "complexity@d")
    with pytest.raises(BadInput, match="while complexity .* ran, parameter .* changed from 2 to 3; run it again"):
        run.run_stage(params.load(), "complexity", names)


def test_what_follows_from_a_job_that_runs_runs_too(workspace):
    found = stale(params.load())
    assert len(found) == len(graph.jobs(params.load()))
    (pretraining,) = (reasons for name, reasons in found.items() if name.startswith("pretrain "))
    assert "data/prepared/crops/manifest.json is rebuilt" in pretraining


def test_a_full_disk_ends_the_job_with_a_sentence_and_without_a_record(workspace, monkeypatch):
    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    loaded = params.load()
    monkeypatch.setitem(run.STAGES, "complexity", full)
    with pytest.raises(BadInput, match="the disk was full while results/complexity/.* or work was being written; free"):
        run.run(complexity(loaded), loaded)
    assert not RECORD.exists()


def test_ctrl_c_is_said_in_a_sentence_and_is_no_success(workspace, monkeypatch):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setitem(run.STAGES, "prepare", interrupt)
    said = workspace.main("prepare", "synthetic", check=False)
    assert said.returncode == 130 and "interrupted; the same command continues where it stopped" in said.stderr


def test_a_folder_that_cannot_be_written_is_named(workspace, monkeypatch):
    def read_only(path, *arguments):
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    monkeypatch.setattr(run.provenance.files, "write", read_only)
    done = workspace.main("complexity", "synthetic", "quick", "d", check=False)
    assert done.returncode == 1 and done.stderr.endswith(
        f"error: {RECORD}: Read-only file system; `--debug` shows where\n"
    )
    assert not RECORD.exists()


def test_everything_said_is_in_the_job_s_log(workspace, monkeypatch, capfd):
    loaded = params.load()
    monkeypatch.setitem(run.STAGES, "complexity", lambda *arguments: run.say("counting\nstill counting") or ({}, {}))
    run.run(complexity(loaded), loaded)
    assert complexity(loaded).log.read_text() == "counting\nstill counting\n"
    name = "[complexity synthetic quick d] "
    assert capfd.readouterr().err == f"{name}counting\n{name}still counting\n"


def graded(workspace, **miou):
    """A training whose rate is chosen from two recipes, and their scores on disk."""

    def change(content):
        training = content["recipes"]["quick"]["training"]
        content["study"]["images"] = "none"
        content["data"]["synthetic"]["frames"]["val"] = 4
        for name, rate in {"high": 0.2, "low": 0.01}.items():
            content["recipes"][name] = content["recipes"]["quick"] | {
                "training": training | {"score": "val", "learning_rate": rate}
            }
        content["recipes"]["quick"] = content["recipes"]["quick"] | {
            "training": training | {"learning_rate": ["high", "low"]}
        }

    workspace.edit(change)
    for recipe, value in miou.items():
        for variant, shown in (("d", value), ("single", 1 - value)):
            path = Path(f"results/runs/synthetic/none/{recipe}/{variant}/0/scores.json")
            path.parent.mkdir(parents=True)
            path.write_text(json.dumps(dict.fromkeys(records.KEYS, {}) | {"result": {"miou": shown}}))
    loaded = params.load()
    wildcards = {"data": "synthetic", "images": "none", "recipe": "quick", "variant": "d", "seed": "0"}
    return loaded, graph.job(loaded, "train", wildcards)


@pytest.mark.parametrize(
    ("high", "low", "best"), [(0.3, 0.4, 0.01), (0.5, 0.4, 0.2), (0.0, 0.1, 0.01), (0.4, 0.4, 0.2)]
)
def test_the_rate_that_scored_best_is_trained_with(workspace, monkeypatch, high, low, best):
    """By the variant's own scores; of equal ones the first that the recipe names."""
    used = []
    monkeypatch.setattr("pipeline.training.train.train", lambda recipe, *rest: used.append(recipe) or {})
    loaded, job = graded(workspace, high=high, low=low)
    result, _ = run.STAGES["train"](job, loaded, track=False)
    assert [recipe.learning_rate for recipe in used] == [best]
    assert used[0].model_copy(update={"learning_rate": 1.0}) == loaded.recipes["quick"].training.model_copy(
        update={"learning_rate": 1.0}
    )
    assert result == {"learning_rate": best, "learning_rates": {"0.2": high, "0.01": low}}


def test_without_the_scores_of_a_rate_none_is_chosen(workspace):
    loaded, job = graded(workspace, high=0.3)
    with pytest.raises(BadInput, match=r"none/low/d/0/scores\.json is missing; run its stage again"):
        run.STAGES["train"](job, loaded, track=False)


def test_from_scratch_training_gets_no_weights_and_otherwise_its_backbones(workspace, monkeypatch):
    given = []
    monkeypatch.setattr("pipeline.training.train.train", lambda *arguments: given.append(arguments[4]) or {})
    wildcards = {"data": "synthetic", "images": "crops", "recipe": "quick", "variant": "d", "seed": "0"}
    for images in ("crops", "none"):
        workspace.edit(lambda p, images=images: p["study"].update(images=images))
        loaded = params.load()
        result, _ = run.STAGES["train"](graph.job(loaded, "train", wildcards | {"images": images}), loaded, track=False)
        assert result == {"learning_rate": loaded.recipes["quick"].training.learning_rate}
    assert given[0].match("results/pretrained/crops/*/xception-a-fitted/weights.pt") and given[1] is None


def test_a_variant_that_is_trained_otherwise_is_given_its_own_training(workspace, monkeypatch):
    given = []
    monkeypatch.setattr("pipeline.training.train.train", lambda *arguments: given.append(arguments) or {})
    workspace.edit(lambda p: p["variants"]["d"].update(training={"learning_rate": 0.5}, scratch=True))
    loaded = params.load()
    for variant in ("d", "single"):
        wildcards = {"data": "synthetic", "images": "crops", "recipe": "quick", "variant": variant, "seed": "0"}
        job = graph.job(loaded, "train", wildcards)
        run.STAGES["train"](job, loaded, track=False)
    (changed, _, _, _, without, *_), (same, _, _, _, pretrained, *_) = given
    assert changed.learning_rate == 0.5 and without is None
    assert same == loaded.recipes["quick"].training and pretrained


def test_the_plan_says_jobs_frames_disk_and_time_before_anything_starts(workspace):
    shown = workspace.main("plan", "--cores", "2").stdout
    assert "train               2       2  it has no result yet (2)" in shown
    assert "2 runs of 24 frames at 64x64 (3 epochs each)" in shown
    assert "of prepared data still to write" in shown and "with 2 jobs side by side" in shown
    assert not (workspace.root / "data/prepared").exists() and not (workspace.root / "results").exists()
    workspace.edit(lambda p: p["study"].update(data="cityscapes"))
    without = workspace.main("plan").stdout
    assert "frames     unknown: data/raw/cityscapes" in without and "CITYSCAPES_DIR" in without


def test_on_a_gpu_the_plan_counts_its_jobs_one_after_the_other(workspace, monkeypatch):
    """However many cores there are, the profile gives the GPU to one job at a time."""
    loaded = params.load()
    trained = [job for job in graph.jobs(loaded) if job.stage in ("train", "floor")]
    monkeypatch.setattr(cost.Cost, "of", lambda self, params, jobs: {job.name: 600.0 for job in jobs})
    said = [plan._time(loaded, trained, cores) for cores in (2, 8)]
    monkeypatch.setattr(steps, "on_gpu", lambda: True)
    assert said == [
        "time       about 15 min with 2 jobs side by side, 30 min one after the other",
        "time       about 15 min with 8 jobs side by side, 30 min one after the other",
    ]
    assert {plan._time(loaded, trained, cores) for cores in (2, 8)} == {
        "time       about 20 min on the GPU, one job at a time"
    }
