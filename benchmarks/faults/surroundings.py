"""Faults of what surrounds a study: a full disk, a read-only folder, a clock set back, an MLflow that dies."""

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.faults.study import ENGINES, Lost, NotTried, Study, compare, metrics
from tests.pipeline.tracking.shared_server import Server

RUN = Path("results/runs/synthetic/crops/quick/single/0")
PAGE = 4096
DAY = 24 * 60 * 60
PRIVATE = "FAULTS_IN_A_NAMESPACE"
"""Set in the environment if this process may mount: nobody else sees it, and it ends with the process."""


def full_disk(engine: str) -> Callable[[Study], str]:
    """The study lies on a small disk (tmpfs) that is full at a random moment, and is made larger."""

    def attempt(study: Study) -> str:
        with _mounted(study.root, "-t", "tmpfs", "-o", "size=1g", "tmpfs"):
            study.copy_half()
            missing = sum(
                _pages(study.reference.root / name) - _pages(study.root / name) for name in ("data", "results")
            )
            room = _pages(study.root) + study.random.uniform(0, 0.9) * missing
            _mount("-o", f"remount,size={int(room) * PAGE}", study.root)
            study.faults += 1
            study.must_fail(*ENGINES[engine], saying=("free some space", "No space left", "disk is full"))
            _mount("-o", "remount,size=1g", study.root)
            study.finish(engine)
        return "the disk is said to be full; the same command finished it"

    return attempt


def read_only(engine: str) -> Callable[[Study], str]:
    """Mount results/ read-only, so that a missing run cannot be made again."""

    def attempt(study: Study) -> str:
        study.copy_finished()
        results = study.root / "results"
        (study.root / RUN / "weights.pt").unlink()
        with _mounted(results, "--bind", results):
            _mount("-o", "remount,bind,ro", results)
            study.faults += 1
            study.must_fail(*ENGINES[engine], saying=("Read-only file system", "Write-protected output"))
        study.finish(engine)
        return "the folder is said to be read-only; the same command finished it"

    return attempt


def clock_set_back(engine: str) -> Callable[[Study], str]:
    """Set the clock back by a day after the study ended. Then change a parameter, and change it back."""

    def attempt(study: Study) -> str:
        study.copy_finished()
        _date_ahead(study.root)
        for trees in (3, 2):
            study.edit(lambda content, trees=trees: content["floor"].update(trees=trees))
            study.faults += 1
            study.must(*ENGINES[engine])
            study.must_be_current()
        study.check()
        return "results are judged by their content; the next run made again what had changed"

    return attempt


def mlflow_gone(study: Study) -> str:
    """MLflow's server is killed after the first epoch of a training, and comes back after the last."""
    study.copy_finished()
    shutil.rmtree(study.root / RUN)
    database = study.root.with_name("server.db")
    server = Server(f"sqlite:///{database}", str(study.root.with_name("artifacts")), study.log)
    server.start()
    try:
        process = study.start(*ENGINES["snakemake"], str(RUN / "scores.json"), MLFLOW_TRACKING_URI=server.uri)
        while not [*study.root.glob("work/checkpoints/**/train.pt")]:
            if process.poll() is not None:
                raise Lost("the training ended before its first epoch")
            time.sleep(0.02)
        server.kill()
        study.faults += 1
        if process.wait(600):
            raise Lost("the training failed without MLflow")
        said = f"MLflow at {server.uri} failed"
        if said not in study.log.read_text():
            raise Lost(f"the training did not say: {said}")
        server.start()
        study.must("python", "-m", "pipeline", "track", "quickstart", "--force", MLFLOW_TRACKING_URI=server.uri)
    finally:
        server.kill()
    compare(metrics(database), metrics(study.reference.root / "mlflow.db"))
    study.finish("snakemake")
    return "the log says so; training went on, and `track` logged what was missing"


def _date_ahead(root: Path) -> None:
    """Date every result a day into the future, as if the clock had been set back since."""
    for name in ("results", "data", "work", ".snakemake", ".dvc", "mlflow.db", "dvc.lock"):
        for path in [root / name, *(root / name).rglob("*")]:
            if path.exists():
                state = path.stat()
                os.utime(path, (state.st_atime + DAY, state.st_mtime + DAY))


@contextlib.contextmanager
def _mounted(place: Path, *what: object) -> Iterator[None]:
    if PRIVATE not in os.environ:
        raise NotTried("mounting takes root or user namespaces (`unshare --user --map-root-user --mount`)")
    place.mkdir(exist_ok=True)
    _mount(*what, place)
    try:
        yield
    except Lost:
        shutil.copytree(place, place.with_name("kept"), symlinks=True)  # the mount ends with this process
        raise
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def _mount(*arguments: object) -> None:
    subprocess.run(["mount", *map(str, arguments)], check=True)


def _pages(root: Path) -> int:
    """The room that a folder takes on a tmpfs, in pages of 4096 bytes."""
    return sum(1 if path.is_dir() else -(-path.lstat().st_size // PAGE) for path in root.rglob("*"))
