"""MLflow, looked at from outside: what a user finds in the database after trainings, reruns, kills and changes."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from pipeline.__main__ import main
from pipeline.config import paths
from pipeline.config.params import Params
from pipeline.graph import graph
from pipeline.utils import records
from pipeline.utils.digests import digest
from pipeline.utils.errors import BadInput
from tests.pipeline.tracking import tracked_study
from tests.pipeline.tracking.tracked_study import (
    CLASSES,
    EPOCHS,
    command,
    curve,
    query,
    table,
    tags,
    train,
    train_jobs,
    values,
    write_results,
    write_study,
)

params = tracked_study.params


def test_a_run_appears_when_training_starts_and_its_curve_grows(params: Params) -> None:
    from pipeline.tracking.live import LiveRun

    job = train_jobs(params)[0]
    run = LiveRun(job, params)
    (name,) = table()
    assert name.startswith("single · seed 0 · ") and table()[name] == "RUNNING" and not values()
    for epoch, row in enumerate(curve("0")):
        run.epoch(epoch, row)
        assert values()[name, "training/loss", epoch] == row["loss"]
        assert max(step for *_, step in values()) == epoch
    run.finish()
    assert table() == {name: "FINISHED"}


def test_tracking_a_study_twice_leaves_one_value_an_epoch_and_the_same_runs(params: Params) -> None:
    from pipeline.tracking import track

    train(train_jobs(params)[0], params, range(EPOCHS))
    write_results(params)
    first = track.track(params, graph.jobs(params))
    logged = values()
    assert track.track(params, graph.jobs(params)) == first
    assert values() == logged and len(table()) == 4
    assert set(first["runs"]) == {"single/0", "single/1", "d/0", "d/1"}


def test_a_tracked_run_holds_everything_the_files_hold(params: Params) -> None:
    from pipeline.tracking import track

    write_results(params)
    job = train_jobs(params)[3]
    id = track.track(params, graph.jobs(params))["runs"]["d/1"]
    name, artifacts = query(f"select name, artifact_uri from runs where run_uuid = '{id}'")[0]
    of_run = {(key, step): value for (run, key, step), value in values().items() if run == name}
    assert [of_run["training/loss", epoch] for epoch in range(EPOCHS)] == [4.0, 2.5, 2.0]
    last = {key: value for (key, step), value in of_run.items() if step == 0}
    assert last["miou"] == 0.4 and last["iou/road"] == 0.8 and "iou/sky" not in last
    assert last["recall/0 to 64 px"] == 0.2 and last["border/miou"] == 0.1
    assert last["complexity/gmacs"] == 0.053 and last["complexity/parameters"] == 2_100_000
    assert last["latency/quickstart/cpu eager float32 median_ms"] == 12.5
    logged = dict(query(f"select key, value from params where run_uuid = '{id}'"))
    assert logged["variant"] == "d" and logged["network.networks"] == "2" and logged["training.epochs"] == str(EPOCHS)
    assert logged["pretraining.epochs"] == "8" and logged["data.size"] == "[128, 256]"
    weights = job.folder / paths.WEIGHTS
    assert tags(id)["weights.sha256"] == digest(weights)
    assert tags(id)["study.quickstart"] == "true" and tags(id)["conditions.device"] == "cpu"
    picture = np.asarray(Image.open(Path(artifacts) / "pictures/street_001.png"))
    frame, truth, prediction = np.split(picture, 3, axis=1)
    assert (frame == 9).all() and (truth == 0).all() and (prediction == CLASSES[1]["colour"]).all()
    assert (Path(artifacts) / "figures/quickstart/curves.png").exists()
    assert Path(artifacts).is_relative_to(Path("mlruns").absolute())


def test_a_training_that_was_killed_continues_its_run(params: Params) -> None:
    job = train_jobs(params)[0]
    train(job, params, range(0, 2), status=None)
    train(job, params, range(1, EPOCHS))
    assert [step for _, key, step in sorted(values()) if key == "training/loss"] == [0, 1, 2]
    assert list(table().values()) == ["FINISHED"]
    assert len(query("select * from runs")) == 1


@pytest.mark.parametrize("status", ["FINISHED", "FAILED", None])
def test_a_training_that_begins_again_replaces_its_run(params: Params, status: str | None) -> None:
    job = train_jobs(params)[0]
    train(job, params, range(EPOCHS), status)
    train(job, params, range(EPOCHS), shift=0.25)
    assert len(table()) == 1
    assert [value for (_, key, _), value in sorted(values().items()) if key == "training/accuracy"] == [0.55] * EPOCHS


def test_files_that_changed_replace_what_was_logged(params: Params) -> None:
    from pipeline.tracking import track

    write_results(params)
    track.track(params, graph.jobs(params))
    write_results(params, shift=0.125)
    track.track(params, graph.jobs(params))
    assert len(table()) == 4
    assert {value for (_, key, _), value in values().items() if key == "miou"} == {0.525}


def test_changed_parameters_make_a_new_run_that_supersedes_the_old_one(params: Params, tmp_path: Path) -> None:
    from pipeline.tracking import track

    write_results(params)
    old = track.track(params, graph.jobs(params))["runs"]
    changed = write_study(tmp_path, learning_rate=0.05)
    write_results(changed)
    new = track.track(changed, graph.jobs(changed))["runs"]
    names = dict(query("select run_uuid, name from runs"))
    for run in old:
        assert tags(old[run])["superseded_by"] == new[run] != old[run]
        assert tags(old[run])["superseded_because"] == "training.learning_rate 0.1 -> 0.05"
        assert names[old[run]].startswith("superseded · ") and "superseded" not in names[new[run]]
        assert (tags(old[run])["study.quickstart"], tags(new[run])["study.quickstart"]) == ("superseded", "true")
    params = write_study(tmp_path)
    write_results(params)
    assert track.track(params, graph.jobs(params))["runs"] == old
    assert tags(new["d/0"])["superseded_by"] == old["d/0"] and "superseded_by" not in tags(old["d/0"])


def test_a_run_is_tagged_with_every_study_that_contains_it(params: Params, tmp_path: Path) -> None:
    from pipeline.tracking import track

    other = {**params.study.model_dump(mode="json"), "name": "other", "seeds": [1, 2]}
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies/other.yaml").write_text(yaml.safe_dump({"study": other}))
    write_results(params)
    runs = track.track(params, graph.jobs(params))["runs"]
    assert "study.other" not in tags(runs["d/0"]) and tags(runs["d/1"])["study.other"] == "true"
    smaller = params.model_copy(update={"study": params.study.model_copy(update={"seeds": [1]})})
    track.track(smaller, graph.jobs(smaller))
    assert "study.quickstart" not in tags(runs["d/0"]) and tags(runs["d/1"])["study.quickstart"] == "true"


def test_a_lost_database_is_rebuilt_from_the_files_by_one_command(
    params: Params, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """In a copy of the folder: MLflow keeps files open that a process has used, also when they are deleted."""
    from pipeline.tracking import track

    write_results(params)
    track.track(params, graph.jobs(params))
    before = values()
    shutil.copytree(".", "copy", ignore=shutil.ignore_patterns("mlflow.db", "mlruns"))
    monkeypatch.chdir("copy")
    capfd.readouterr()
    assert main(["track", "quickstart"]) == 0
    printed = "".join(capfd.readouterr())
    assert values() == before and len(before) > 4 * 3 * EPOCHS
    assert records.read(Path("results/quickstart/mlflow.json"))["result"]["uri"] == "sqlite:///mlflow.db"
    assert len(printed.splitlines()) <= 2, printed


# What all processes need is there before they part: seconds less, and a closer race.
EIGHT = """
import multiprocessing
from mlflow.store.tracking import sqlalchemy_store
from sqlalchemy.orm import configure_mappers
from pipeline.config import params
from pipeline.graph import graph
from pipeline.tracking.live import LiveRun

configure_mappers()

loaded = params.load()
names = {"data": "synthetic", "images": "crops", "recipe": "quick", "variant": "d"}
jobs = [graph.job(loaded, "train", names | {"seed": seed}) for seed in range(8)]

def train(seed):
    run = LiveRun(jobs[seed], loaded)
    for epoch in range(10):
        run.epoch(epoch, {"loss": 1 / (epoch + 1), "accuracy": 0.5, "learning_rate": 0.1})
    run.finish()

processes = [multiprocessing.get_context("fork").Process(target=train, args=[seed]) for seed in range(8)]
for process in processes:
    process.start()
for process in processes:
    process.join()
    assert process.exitcode == 0
"""


def test_eight_trainings_start_at_once_on_a_fresh_machine(params: Params) -> None:
    Path("mlflow.db").unlink()
    assert command("-c", EIGHT) == ""
    assert sorted(name.split(" · ")[1] for name in table()) == [f"seed {seed}" for seed in range(8)]
    assert set(table().values()) == {"FINISHED"} and len(values()) == 8 * 10 * 3
    assert query("select count(*) from experiments where name = 'synthetic'") == [(1,)]


def test_tracking_names_the_result_that_is_missing(params: Params) -> None:
    from pipeline.tracking import track

    write_results(params)
    Path("results/runs/synthetic/crops/quick/d/1/scores.json").unlink()
    with pytest.raises(BadInput, match="results/runs/synthetic/crops/quick/d/1/scores.json is missing; run its stage"):
        track.track(params, graph.jobs(params))
