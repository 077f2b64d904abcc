"""A study in a shared MLflow, read back from its Postgres and its S3: eight jobs at once, and a server that dies.

Needs Debian's package postgresql, and `pip install psycopg2-binary boto3 "moto[server]"`.
"""

import contextlib
import csv
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline import run
from pipeline.config.params import load
from pipeline.evaluation import evaluate
from pipeline.graph import graph
from pipeline.utils import records
from tests.conftest import Workspace, copy_repository
from tests.pipeline.tracking import shared_server

pytestmark = [
    pytest.mark.engines,
    pytest.mark.timeout(900),
    pytest.mark.skipif(bool(lacks := shared_server.missing()), reason=f"needs {lacks}, not installed here"),
]
EPOCHS = 6
OWN = ("training/seconds", "training/frames_per_second")
"""Metrics that differ from one training to the next."""

EIGHT = """
import multiprocessing
from pipeline import run
from pipeline.config.params import load
from pipeline.evaluation import evaluate
from pipeline.graph import graph
from pipeline.tracking import live
from pipeline.training import train

params = load()
jobs = graph.jobs(params)
pairs = [[job for job in jobs if job.stage == stage] for stage in ("train", "evaluate")]

def both(*pair):
    for job in pair:
        run.run(job, params)

processes = [multiprocessing.get_context("fork").Process(target=both, args=pair) for pair in zip(*pairs)]
for process in processes:
    process.start()
for process in processes:
    process.join()
    assert process.exitcode == 0
"""

OPEN = """
import sys
import mlflow, numpy
network = mlflow.pyfunc.load_model(sys.argv[1])
numpy.save("scores.npy", network.predict(numpy.load("images.npy")))
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[shared_server.Server]:
    with (
        pytest.MonkeyPatch.context() as patch,
        shared_server.running(tmp_path_factory.mktemp("server") / "log") as here,
    ):
        patch.setenv("MLFLOW_TRACKING_URI", here.uri)
        yield here


@pytest.fixture(scope="module")
def study(server: shared_server.Server, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Two variants, four seeds: eight trainings at once, and then `track`."""
    workspace = copy_repository(tmp_path_factory.mktemp("study"))
    workspace.edit(lambda params: params["study"].update(images="none", variants=["single", "b"], seeds=[0, 1, 2, 3]))
    workspace.edit(lambda params: params["recipes"]["quick"]["training"].update(epochs=EPOCHS))
    workspace.main("prepare", "synthetic")
    trained = workspace.run(sys.executable, "-c", EIGHT)
    assert "MLflow" not in trained.stderr, trained.stderr
    assert set(status for _, status in runs(server)) == {"FINISHED"}
    assert {key for *_, key, _ in metrics(server)} == {"training/loss", "training/accuracy", "training/learning_rate"}
    _track(workspace)
    return workspace


def _track(workspace: Workspace) -> None:
    """What `python -m pipeline track` does, without the analysis that it waits for."""
    from pipeline.tracking import track

    with contextlib.chdir(workspace.root):
        params = load()
        track.track(params, graph.jobs(params))


def query(server: shared_server.Server, sql: str) -> list[tuple]:
    import psycopg2

    with psycopg2.connect(server.database) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def runs(server: shared_server.Server) -> list[tuple[str, str]]:
    return query(server, "select name, status from runs where lifecycle_stage = 'active'")


def metrics(server: shared_server.Server) -> dict[tuple[str, str, int], float]:
    """Every value of the runs in the table, by run, metric and epoch; fails where there are two."""
    rows = query(
        server,
        "select name, key, step, value from metrics join runs using (run_uuid) where runs.lifecycle_stage = 'active'",
    )
    found = {row[:3]: row[3] for row in rows}
    assert len(found) == len(rows)
    return found


def losses(server: shared_server.Server, run: str) -> list[int]:
    """The epochs whose loss is logged."""
    return sorted(step for name, key, step in metrics(server) if key == "training/loss" and name.startswith(run))


def test_eight_jobs_at_once_arrive_complete(server: shared_server.Server, study: Workspace) -> None:
    assert query(server, "select name from experiments where name != 'Default'") == [("synthetic",)]
    assert len(runs(server)) == 8
    logged = metrics(server)
    for job in sorted((study.root / "results/runs/synthetic/none/quick").glob("*/*")):
        name = next(name for name, _ in runs(server) if name.startswith(f"{job.parent.name} · seed {job.name} · "))
        with (job / "curve.csv").open() as file:
            for row in csv.DictReader(file):
                assert logged[name, "training/loss", int(row["epoch"])] == float(row["loss"])
        assert logged[name, "miou", 0] == records.read(job / "scores.json")["result"]["miou"]
    used = "select distinct d.name, t.value from datasets d join inputs i on i.source_id = d.dataset_uuid "
    used += "join input_tags t using (input_uuid)"
    assert set(query(server, used)) == {("synthetic/train", "training"), ("synthetic/test", "evaluation")}


def test_the_networks_lie_in_the_object_store_and_open_without_the_repository(
    server: shared_server.Server, study: Workspace, tmp_path: Path
) -> None:
    store = shared_server.client(server.store)
    keys = [entry["Key"] for entry in store.list_objects_v2(Bucket=shared_server.BUCKET)["Contents"]]
    files = [store.get_object(Bucket=shared_server.BUCKET, Key=key) for key in keys if key.endswith("weights.pt")]
    weights = sorted((study.root / "results/runs").rglob("weights.pt"))
    assert len(weights) == 8 and {file["Body"].read() for file in files} == {path.read_bytes() for path in weights}
    (id,) = query(server, "select model_id from logged_models where name = 'b seed 0'")[0]
    images = np.random.default_rng(0).normal(size=(2, 3, 64, 64)).astype(np.float32)
    np.save(tmp_path / "images.npy", images)
    alone = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    command = [sys.executable, "-W", "ignore", "-c", OPEN, f"models:/{id}"]
    done = subprocess.run(command, cwd=tmp_path, env=alone, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    own = study.root / "results/runs/synthetic/none/quick/b/0/weights.pt"
    network = evaluate.load(load().variants["b"], 19, own)
    with torch.inference_mode():
        expected = network(torch.from_numpy(images).to(memory_format=torch.channels_last))
    assert np.array_equal(np.load(tmp_path / "scores.npy"), expected.numpy())


def test_training_survives_the_death_and_return_of_the_server(
    server: shared_server.Server,
    study: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It dies after epoch 1, returns before epoch 3, dies again after epoch 4, and returns after the training."""
    from pipeline.tracking import live

    before = metrics(server)
    epoch = live.LiveRun.epoch

    def with_outages(self, number: int, values: dict[str, float]) -> None:
        if number == 3:
            server.start()
        epoch(self, number, values)
        if number in (1, 4):
            server.kill()
        if number == 3:
            assert losses(server, "single · seed 0") == [0, 1, 2, 3]

    monkeypatch.setattr(live.LiveRun, "epoch", with_outages)
    monkeypatch.setattr(live, "PAUSE", 0)
    monkeypatch.chdir(study.root)
    params = load()
    job = next(job for job in graph.jobs(params) if job.stage == "train")
    run.run(job, params, force=True)
    said = [message.partition(" (")[0] for message in caplog.messages]
    assert said == [
        f"MLflow at {server.uri} {what}" for what in ("failed", "answers again; what it missed is logged", "failed")
    ]
    server.start()
    assert losses(server, "single · seed 0") == [0, 1, 2, 3, 4]
    _track(study)
    after = metrics(server)
    assert {key: value for key, value in after.items() if key[1] not in OWN} == {
        key: value for key, value in before.items() if key[1] not in OWN
    }
    assert after.keys() == before.keys() and set(status for _, status in runs(server)) == {"FINISHED"}
