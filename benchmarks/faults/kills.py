"""Processes that are killed at a random moment: an engine, its jobs, one of two that train, a job of Slurm."""

import contextlib
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from benchmarks.faults.study import ENGINES, Lost, NotTried, Study, kill
from tests.pipeline.graph import slurm_cluster

KILLS = 3
"""How often a study is hit before it may end."""
TRAIN = ("python", "-m", "pipeline", "train", "synthetic", "crops", "quick", "d", "0")
RUN = Path("results/runs/synthetic/crops/quick/d/0")


def everything(process: psutil.Popen) -> None:
    """Kill the engine and all that it started, as a machine that loses its power does."""
    kill(process)


def the_engine(process: psutil.Popen) -> None:
    """Kill the engine alone; its jobs live on."""
    process.kill()
    process.wait()


def one_job(process: psutil.Popen) -> None:
    """Kill a job, as a machine with too little memory does; the engine goes on without it."""
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        with contextlib.suppress(psutil.NoSuchProcess, IndexError):
            next(_below(process, "-m", "pipeline")).kill()
            break
        time.sleep(0.1)
    process.wait()


def engine(name: str, hit: Callable[[psutil.Popen], None], times: int = KILLS) -> Callable[[Study], str]:
    """An engine is hit so many times at most, and then left to finish."""

    def attempt(study: Study) -> str:
        study.copy_half()
        for _ in range(times):
            process = study.start(*ENGINES[name])
            if not study.wait_a_while(process):
                break  # it ended first
            hit(process)
            study.faults += 1
            study.unlock(name)
        study.finish(name)
        cut = f", {study.unlocked} times after `.dvc/tmp/rwlock` was deleted" if study.unlocked else ""
        return f"the same command finished it{cut}"

    return attempt


def process_of_two(study: Study) -> str:
    """One of two processes that train one network; against an undisturbed training by two."""
    study.copy_finished()
    study.edit(lambda content: content["recipes"]["quick"]["training"].update(processes=2, epochs=6))
    began = time.monotonic()
    study.must(*TRAIN, "--no-track")
    took = time.monotonic() - began
    files = [study.root / RUN / name for name in ("weights.pt", "curve.csv")]
    before = [path.read_bytes() for path in files]
    shutil.rmtree(study.root / RUN)
    process = study.start(*TRAIN, "--no-track")
    while len(two := [*_below(process, "spawn_main")]) < 2:
        if process.poll() is not None:
            raise Lost("the training ended before it had two processes")
        time.sleep(0.05)
    time.sleep(study.random.uniform(0, 0.5 * took))
    study.random.choice(two).kill()
    study.faults += 1
    if not process.wait(120) or "was ended by SIGKILL" not in study.log.read_text():
        raise Lost("the training did not end with a sentence after one of its processes was killed")
    study.must(*TRAIN, "--no-track")
    if [path.read_bytes() for path in files] != before:
        raise Lost("weights or curve differ from those of an undisturbed training by two processes")
    return "a sentence names the process and the signal; the same command finished it"


def job_of_slurm(study: Study) -> str:
    """Jobs of the profile for Slurm are cancelled, on a cluster of two nodes that this machine plays."""
    if reason := slurm_cluster.why_not():
        raise NotTried(reason)
    study.copy_half()
    with slurm_cluster.running(study.root.parent):
        process = study.start("snakemake", "--profile", "profiles/slurm")
        while study.faults < KILLS and study.wait_a_while(process):
            if jobs := slurm_cluster.jobs():
                subprocess.run(["scancel", study.random.choice(jobs)], check=True)
                study.faults += 1
        code = process.wait(1000)
    if code:
        raise Lost(f"Snakemake ended with {code} after jobs of Slurm were cancelled")
    study.finish("snakemake")
    return "Snakemake submits the job again"


def _below(process: psutil.Process, *words: str) -> Iterator[psutil.Process]:
    """The processes that one has started whose command holds these words in turn."""
    for each in process.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if " ".join(words) in " ".join(each.cmdline()):
                yield each
