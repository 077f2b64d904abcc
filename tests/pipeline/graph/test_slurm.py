"""The profile for Slurm, on a cluster of two nodes that this machine plays: as root, with Debian's slurm-wlm and munge.

Each node has a pretended GPU. Both files of /etc/slurm are written for the test, and nothing there is overwritten.
"""

import os
import platform
import shutil
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.conftest import Workspace, copy_repository

pytestmark = [pytest.mark.engines, pytest.mark.timeout(2400)]

ETC = Path("/etc/slurm")
NEEDED = ("slurmctld", "slurmd", "munged", "sbatch", "scancel")
CONFIGURATION = """\
ClusterName=study
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CryptoType=crypto/munge
StateSaveLocation={folder}
SlurmdSpoolDir={folder}/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/%n.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
AccountingStorageType=accounting_storage/none
MpiDefault=none
SwitchType=switch/none
ReturnToService=2
KillWait=5
GresTypes=gpu
NodeName=n[1-2] NodeHostname={host} NodeAddr=127.0.0.1 Port=[17101-17102] CPUs=8 RealMemory=64000 Gres=gpu:1
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def _why_not() -> str | None:
    missing = [name for name in NEEDED if not shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")]
    if missing:
        return f"Slurm is not installed ({', '.join(missing)} missing): apt install slurm-wlm munge"
    if find_spec("snakemake_executor_plugin_slurm") is None:
        return "pip install -e '.[slurm]'"
    if os.geteuid():
        return "only root can play a cluster"
    return f"{ETC}/slurm.conf exists" if (ETC / "slurm.conf").exists() else None


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    reason = _why_not()
    if reason:
        pytest.skip(reason)
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}:/usr/sbin:/sbin")
    (ETC / "slurm.conf").write_text(CONFIGURATION.format(host=platform.node(), folder=tmp_path))
    (ETC / "gres.conf").write_text("NodeName=n[1-2] Name=gpu Count=1 File=/dev/null\n")
    started = []
    try:
        if subprocess.run(["pgrep", "munged"], capture_output=True, check=False).returncode:
            Path("/run/munge").mkdir(exist_ok=True)
            shutil.chown("/run/munge", "munge", "munge")
            subprocess.run(["runuser", "-u", "munge", "--", "munged"], check=True)
        for command in (["slurmctld", "-D", "-c"], ["slurmd", "-D", "-N", "n1"], ["slurmd", "-D", "-N", "n2"]):
            started.append(subprocess.Popen(command, stderr=subprocess.DEVNULL))
            time.sleep(1)
        yield
    finally:
        subprocess.run(["scancel", "--user", "root"], check=False)
        time.sleep(1)
        for process in reversed(started):
            process.terminate()
            process.wait()
        for name in ("slurm.conf", "gres.conf"):
            (ETC / name).unlink()


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


def _trainings() -> list[str]:
    """The numbers of the trainings that run."""
    asked = ["squeue", "--noheader", "--states", "running", "--format", "%i %k"]
    queue = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    return [line.split()[0] for line in queue.splitlines() if "rule_train" in line]


def test_trainings_that_are_cancelled_or_meet_a_limit_end_with_the_weights_of_a_local_run(cluster, tmp_path):
    """Both trainings run at once, one on the GPU of each node."""
    study, local = _study(tmp_path / "cluster"), _study(tmp_path / "local")
    with (study.root / "log").open("w") as log:
        command = ["snakemake", "--profile", "profiles/slurm"]
        running = subprocess.Popen(command, cwd=study.root, env=study.environment(), stdout=log, stderr=log)
        checkpoints = study.root / "work/checkpoints/runs"
        while running.poll() is None and len([*checkpoints.rglob("train.pt")]) < 2:
            time.sleep(1)
        cancelled, limited = _trainings()
        subprocess.run(["scancel", cancelled], check=True)
        subprocess.run(["scontrol", "update", f"JobId={limited}", "EndTime=now+5seconds"], check=True)
        code = running.wait(1000)
    said = (study.root / "log").read_text()
    assert code == 0, said[-3000:]
    assert said.count("Trying to restart job") == 2
    local.run("snakemake", "--cores", "2", timeout=1000)
    assert len(_weights(study)) == 2 and _weights(study) == _weights(local)
    assert "Nothing to be done" in study.run("snakemake", "--cores", "2").stderr
