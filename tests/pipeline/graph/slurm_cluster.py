"""A Slurm cluster of two nodes that this machine plays: as root, with Debian's slurm-wlm and munge.

Each node has a pretended GPU. Both files of /etc/slurm are written for it, and nothing there is overwritten.
"""

import contextlib
import os
import platform
import shutil
import subprocess
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

ETC = Path("/etc/slurm")
PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"
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


def why_not() -> str | None:
    """Why there can be no cluster here; None if there can."""
    missing = [name for name in NEEDED if not shutil.which(name, path=PATH)]
    if missing:
        return f"Slurm is not installed ({', '.join(missing)} missing): apt install slurm-wlm munge"
    if find_spec("snakemake_executor_plugin_slurm") is None:
        return "Snakemake's plugin is not installed: pip install -e '.[slurm]'"
    if os.geteuid():
        return "only root can play a cluster"
    return f"{ETC}/slurm.conf exists" if (ETC / "slurm.conf").exists() else None


@contextlib.contextmanager
def running(folder: Path) -> Iterator[None]:
    """A cluster that keeps its state in a folder, and whose programs are on the path."""
    before = os.environ["PATH"]
    os.environ["PATH"] = PATH
    (ETC / "slurm.conf").write_text(CONFIGURATION.format(host=platform.node(), folder=folder))
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
        os.environ["PATH"] = before


def jobs(comment: str = "") -> list[str]:
    """The numbers of the jobs that run and whose comment, which names their rule, contains a text."""
    asked = ["squeue", "--noheader", "--states", "running", "--format", "%i %k"]
    queue = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    return [line.split()[0] for line in queue.splitlines() if comment in line]
