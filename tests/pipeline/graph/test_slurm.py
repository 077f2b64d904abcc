"""The profile for Slurm, on a cluster of two nodes that this machine plays."""

import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.conftest import Workspace, copy_repository
from tests.pipeline.graph import slurm_cluster

pytestmark = [pytest.mark.engines, pytest.mark.timeout(2400)]


@pytest.fixture
def cluster(tmp_path):
    if reason := slurm_cluster.why_not():
        pytest.skip(reason)
    with slurm_cluster.running(tmp_path):
        yield


def _study(root: Path) -> Workspace:
    """Two trainings that last long enough to be cancelled and to meet a limit."""
    study = copy_repository(root)
    shutil.copytree("profiles", root / "profiles", dirs_exist_ok=True)
    study.edit(lambda content: content["recipes"]["quick"]["training"].update(epochs=60))
    study.edit(lambda content: content["data"]["synthetic"]["frames"].update(train=40))
    return study


def _weights(study: Workspace) -> dict[str, bytes]:
    runs = study.root / "results/runs"
    return {str(path.relative_to(runs)): path.read_bytes() for path in sorted(runs.rglob("weights.pt"))}


def test_trainings_that_are_cancelled_or_meet_a_limit_end_with_the_weights_of_a_local_run(cluster, tmp_path):
    """Both trainings run at once, one on the GPU of each node."""
    study, local = _study(tmp_path / "cluster"), _study(tmp_path / "local")
    with (study.root / "log").open("w") as log:
        command = ["snakemake", "--profile", "profiles/slurm"]
        running = subprocess.Popen(command, cwd=study.root, env=study.environment(), stdout=log, stderr=log)
        checkpoints = study.root / "work/checkpoints/runs"
        while running.poll() is None and len([*checkpoints.rglob("train.pt")]) < 2:
            time.sleep(1)
        cancelled, limited = slurm_cluster.jobs("rule_train")
        subprocess.run(["scancel", cancelled], check=True)
        subprocess.run(["scontrol", "update", f"JobId={limited}", "EndTime=now+5seconds"], check=True)
        code = running.wait(1000)
    said = (study.root / "log").read_text()
    assert code == 0, said[-3000:]
    assert said.count("Trying to restart job") == 2
    local.run("snakemake", "--cores", "2", timeout=1000)
    assert len(_weights(study)) == 2 and _weights(study) == _weights(local)
    assert "Nothing to be done" in study.run("snakemake", "--cores", "2").stderr
