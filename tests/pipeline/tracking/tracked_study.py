"""A study of four runs whose files were made up, and what is then in MLflow's database.

The database is read with sqlite3, not with the code that wrote it.
"""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from pipeline.config import paths
from pipeline.config.params import Params, load
from pipeline.graph import graph, provenance
from pipeline.utils.digests import digest
from tests.conftest import ROOT

EPOCHS = 3
CLASSES = [{"name": "road", "colour": [128, 64, 128]}, {"name": "sky", "colour": [70, 130, 180]}]


def write_study(root: Path, **changes: object) -> Params:
    """params.yaml with two variants and two seeds in `root`, the working directory; `changes` alter training."""
    content = yaml.load((ROOT / "params.yaml").read_text(), yaml.CSafeLoader)
    content["study"] |= {"variants": ["single", "d"], "seeds": [0, 1]}
    content["recipes"]["quick"]["training"] |= {"epochs": EPOCHS, "learning_rate": 0.1, **changes}
    content["data"]["synthetic"]["size"] = [128, 256]
    (root / paths.CLAIMS).parent.mkdir(parents=True, exist_ok=True)
    (root / paths.CLAIMS).write_text("variant,quantity,size\n")
    (root / "params.yaml").write_text(yaml.dump(content, Dumper=yaml.CSafeDumper, sort_keys=False))
    return load()


def train_jobs(params: Params) -> list[graph.Job]:
    return [job for job in graph.jobs(params) if job.stage == "train"]


def curve(seed: str, shift: float = 0) -> list[dict[str, float]]:
    return [
        {"learning_rate": 0.1, "loss": 3 / (epoch + 1) + int(seed), "accuracy": 0.3 + shift} for epoch in range(EPOCHS)
    ]


def write_results(params: Params, shift: float = 0) -> None:
    """What the stages before `track` leave, by the project's own writer of records."""
    conditions = {"device": "cpu", "threads": 1, "precision": "float32"}
    for job in graph.jobs(params):
        job.folder.mkdir(parents=True, exist_ok=True)
        if job.stage in RESULTS:
            begun = provenance.begin(job)
            provenance.write(job, begun, RESULTS[job.stage](job, shift), conditions)


def _train(job: graph.Job, shift: float) -> dict:
    rows = [",".join(map(str, (epoch, *row.values()))) for epoch, row in enumerate(curve(job.wildcards["seed"], shift))]
    (job.folder / "curve.csv").write_text("\n".join(["epoch,learning_rate,loss,accuracy", *rows]) + "\n")
    (job.folder / paths.WEIGHTS).write_bytes(b"weights of " + job.name.encode())
    return {"epochs": EPOCHS, "seconds": 60.0, "frames_per_second": 4.0, "frames_seen": 240}


def _scores(job: graph.Job, shift: float) -> dict:
    np.savez(
        job.folder / "predictions.npz",
        index=np.array([1]),
        names=np.array(["street/001"]),
        predictions=np.ones((1, 4, 6), np.uint8),
    )
    bins = [{"above": 0, "upto": 64, "recall": 0.2}, {"above": 64, "upto": None, "recall": None}]
    scores = {"miou": 0.4 + shift, "pixel_accuracy": 0.7, "iou": {"road": 0.8, "sky": None}, "absent": ["sky"]}
    scores |= {"border": {"width": 3, "miou": 0.1, "iou": {}}, "objects": {"source": "instances", "bins": bins}}
    return scores | {"split": "test", "frames": 2, "size": [4, 6], "input_size": [128, 256]}


def _prepare(job: graph.Job, shift: float) -> dict:
    splits = {}
    for name in ("train", "test"):
        np.save(job.folder / f"{name}.images.npy", np.full((2, 4, 6, 3), 9, np.uint8))
        np.save(job.folder / f"{name}.labels.npy", np.array([np.zeros((4, 6)), np.full((4, 6), 255)], np.uint8))
        sums = {file.name: digest(file) for file in sorted(job.folder.glob(f"{name}.*.npy"))}
        splits[name] = {"count": 2, "size": [4, 6], "names": ["street/000", "street/001"], "sha256": sums}
    return {"task": "segmentation", "classes": CLASSES, "splits": splits}


def _complexity(job: graph.Job, shift: float) -> dict:
    at = {"study": {"size": [128, 256], "macs": 53_000_000}, "paper": {"size": [1024, 1024], "macs": 1_600_000_000}}
    return {"parameters": 2_100_000, "megabytes": 8.4, "at": at}


def _latency(job: graph.Job, shift: float) -> dict:
    row = {"mode": "eager float32", "device": "cpu", "median_ms": 12.5, "p99_ms": 14.0, "fps": 80.0, "stable": True}
    return {"rows": [{"variant": name, **row} for name in ("single", "d")]}


def _analysis(job: graph.Job, shift: float) -> dict:
    (job.folder / "figures").mkdir(exist_ok=True)
    Image.new("RGB", (8, 8)).save(job.folder / "figures/curves.png")
    return {}


RESULTS = {
    "prepare": _prepare, "train": _train, "evaluate": _scores, "complexity": _complexity, "latency": _latency,
    "analyse": _analysis,
}  # fmt: skip


@cache
def fresh_database(folder: Path) -> Path:
    """An empty database: making one takes MLflow seconds, copying it none."""
    from pipeline.tracking import experiment

    path = folder / "fresh.db"
    experiment.MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def params(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Params:
    """A study of four runs in an empty folder with an empty database. Its weights are made up."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("TRACK_MODELS", "0")
    monkeypatch.chdir(tmp_path)
    shutil.copy(fresh_database(tmp_path_factory.getbasetemp()), tmp_path / "mlflow.db")
    return write_study(tmp_path)


def query(sql: str) -> list[tuple]:
    with sqlite3.connect("mlflow.db") as database:
        return database.execute(sql).fetchall()


def values() -> dict[tuple[str, str, int], float]:
    """Every logged value of the runs in the table, by run, metric and epoch; fails where there are two."""
    rows = query(
        "select name, key, step, value from metrics join runs using (run_uuid) where runs.lifecycle_stage = 'active'"
    )
    assert max(Counter(row[:3] for row in rows).values(), default=1) == 1
    return {row[:3]: row[3] for row in rows}


def table() -> dict[str, str]:
    """Name and status of the runs in the table."""
    return dict(query("select name, status from runs where lifecycle_stage = 'active'"))


def tags(run_id: str) -> dict[str, str]:
    return dict(query(f"select key, value from tags where run_uuid = '{run_id}'"))


def train(job: graph.Job, params: Params, epochs: range, status: str | None = "FINISHED", shift: float = 0) -> None:
    """What a trainer tells MLflow; it was killed where `status` is None."""
    from pipeline.tracking.live import LiveRun

    run = LiveRun(job, params)
    for epoch in epochs:
        run.epoch(epoch, curve(job.wildcards["seed"], shift)[epoch])
    if status:
        run.finish(status)


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def command(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], env=environment(), capture_output=True, text=True, check=False, timeout=280
    )
    assert not done.returncode, done.stderr
    return done.stdout + done.stderr
