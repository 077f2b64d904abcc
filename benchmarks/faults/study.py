"""A tiny study that faults are done to, and what it must come to in spite of them."""

import contextlib
import hashlib
import json
import shutil
import sqlite3
import time
from pathlib import Path
from random import Random
from typing import NamedTuple

import psutil

from pipeline.config import params
from pipeline.graph import graph
from pipeline.graph.stale import stale
from pipeline.utils.records import flatten
from tests.conftest import Workspace, copy_for_engines, few_cells

ENGINES = {"snakemake": ("snakemake", "--cores", "2"), "dvc": ("dvc", "repro")}
KEPT = ("results/**/weights.pt", "results/**/curve.csv", "results/**/*.npz", "results/*/metrics/*.json")
KEPT += ("results/*/tables/accuracy.csv", "data/prepared/**/*.npy")
STAGES = ("prepare", "pretrain", "train", "evaluate", "floor", "complexity", "paper", "interpretations")
"""Stages whose result is the same each time, but for how long it took."""
TIMES = {"seconds", "frames_per_second", "waiting_for_data"}
METRICS = "select name, key, step, value from metrics join runs using (run_uuid) where lifecycle_stage = 'active' "
METRICS += "and key not in ('training/seconds', 'training/frames_per_second') and key not like 'latency/%'"


class Lost(Exception):
    """The study did not survive a fault."""


class NotTried(Exception):
    """Why a fault cannot be done here."""


class Reference(NamedTuple):
    """An undisturbed study: its folder, what it came to, and how long it took in seconds."""

    root: Path
    outcome: dict[str, object]
    seconds: float


class Study(Workspace):
    """A copy of the repository with the tiny study.

    `faults` counts what was done to it, and `unlocked` how often DVC had to be rid of a lock file that was cut short.
    """

    faults = unlocked = 0

    def __init__(self, root: Path, reference: Reference | None = None, random: Random | None = None):
        super().__init__(root)
        self.reference, self.random = reference, random or Random(0)

    def begin(self) -> "Study":
        """Copy the repository without any result."""
        copy_for_engines(self.root)
        few_cells(self.root)
        return self

    def copy_finished(self) -> "Study":
        """Copy the undisturbed study with its results."""
        shutil.copytree(self.reference.root, self.root, symlinks=True, dirs_exist_ok=True)
        return self

    def copy_half(self) -> "Study":
        """Copy the undisturbed study without its MLflow and without what each second job made, chosen at random."""
        self.copy_finished()
        with contextlib.chdir(self.root):
            jobs = graph.jobs(params.load())
            for job in self.random.sample(jobs, len(jobs) // 2):
                for path in job.folder.iterdir() if job.stage == "prepare" else job.output_files:
                    path.unlink()
        (self.root / "mlflow.db").unlink()
        shutil.rmtree(self.root / "mlruns")
        return self

    def start(self, *command: str, **environment: str) -> psutil.Popen:
        """Start a command in the background, in a session of its own. What it says is added to the log."""
        with self.log.open("a") as log:
            return psutil.Popen(
                command, cwd=self.root, env=self.environment() | environment,
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def call(self, *command: str, limit: float = 600, **environment: str) -> tuple[int, str]:
        """Run a command to its end; return its exit code and what it said."""
        before = self.log.stat().st_size if self.log.exists() else 0
        process = self.start(*command, **environment)
        try:
            code = process.wait(limit)
        except psutil.TimeoutExpired:
            kill(process)
            raise Lost(f"{' '.join(command)} did not end within {limit:.0f} s") from None
        return code, self.log.read_bytes()[before:].decode(errors="replace")

    def wait_a_while(self, process: psutil.Popen) -> bool:
        """Wait for a random moment: for a number of records, and then about the length of a job; False at the end."""
        records, jobs = [*self.root.glob("results/**/*.json")], len([*self.reference.root.glob("results/**/*.json")])
        wanted = self.random.randint(len(records), max(len(records), jobs - 2))
        while process.poll() is None and len([*self.root.glob("results/**/*.json")]) < wanted:
            time.sleep(0.1)
        with contextlib.suppress(psutil.TimeoutExpired):
            process.wait(self.random.uniform(0, 2 * self.reference.seconds / jobs))
        return process.poll() is None

    def must(self, *command: str, **environment: str) -> str:
        """Run a command, which must succeed; return what it said."""
        code, said = self.call(*command, **environment)
        if code:
            raise Lost(f"{' '.join(command)} ended with {code}: {_last(said)}")
        return said

    def must_fail(self, *command: str, saying: tuple[str, ...]) -> None:
        """Run a command, which must fail and say one of some words."""
        code, said = self.call(*command)
        if not code or not any(words in said for words in saying):
            raise Lost(f"{' '.join(command)} ended with {code} and did not say {' or '.join(saying)}: {_last(said)}")

    def finish(self, engine: str) -> None:
        """Run an engine to its end, as docs/troubleshooting.md says; the study must come to the undisturbed outcome."""
        self.unlock(engine)
        self.must(*ENGINES[engine])
        self.check()

    def unlock(self, engine: str) -> None:
        """Clear away what keeps a killed engine from starting again, as docs/troubleshooting.md says."""
        if engine == "snakemake":
            self.must("snakemake", "--unlock", "--cores", "1")
        elif (lock := self.root / ".dvc/tmp/rwlock").exists() and not lock.read_text().endswith("}"):
            lock.unlink()
            self.unlocked += 1

    def check(self) -> None:
        """Raise `Lost` if a job is out of date, or anything differs from the undisturbed study."""
        self.must_be_current()
        compare(outcome(self.root), self.reference.outcome)

    def must_be_current(self) -> None:
        """Raise `Lost` if a job is out of date."""
        with contextlib.chdir(self.root):
            waiting = stale(params.load())
        if waiting:
            name, reasons = next(iter(waiting.items()))
            raise Lost(f"{name} is out of date after the last run: {reasons[0]}")

    @property
    def log(self) -> Path:
        """Everything that the commands said; beside the study, where no fault reaches it."""
        return self.root.with_name(f"{self.root.name}.log")


def undisturbed(root: Path) -> Reference:
    """Run the study without any fault."""
    study, began = Study(root).begin(), time.monotonic()
    study.must(*ENGINES["snakemake"])
    return Reference(root, outcome(root), time.monotonic() - began)


def outcome(root: Path) -> dict[str, object]:
    """Every weight, curve, score and array of a study, and every metric in its MLflow."""
    paths = {path for pattern in KEPT for path in root.glob(pattern)}
    found = {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
    for path in [*root.glob("results/**/*.json"), *root.glob("data/prepared/*/manifest.json")]:
        record = json.loads(path.read_text())
        if record.get("stage") in STAGES:
            values = {key: value for key, value in record["result"].items() if key not in TIMES}
            found |= flatten({str(path.relative_to(root)): values})
    return found | metrics(root / "mlflow.db")


def metrics(database: Path) -> dict[str, object]:
    """Every value in an MLflow database, by run, metric and epoch: a list, because none may be there twice."""
    found: dict[str, object] = {}
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        for *name, value in connection.execute(METRICS):
            found.setdefault(f"MLflow: {name}", []).append(value)
    return found


def compare(found: dict[str, object], expected: dict[str, object]) -> None:
    """Raise `Lost` if there is a difference."""
    differing = [key for key in sorted(found | expected) if found.get(key) != expected.get(key)]
    if differing:
        raise Lost(f"{len(differing)} of {len(expected)} values are not the undisturbed run's, such as {differing[0]}")


def kill(process: psutil.Process) -> None:
    """Kill a process and all that it has started, itself first so that it does not react."""
    with contextlib.suppress(psutil.NoSuchProcess):
        below = process.children(recursive=True)
        for each in (process, *below):
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()
    process.wait()


def _last(said: str) -> str:
    return said.strip()[-300:].replace("\n", " / ")
