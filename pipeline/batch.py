"""Run the jobs of several studies on one machine for so many minutes, without an engine.

Each job is a process, `python -m pipeline …`, as the engines start it, so it makes the same files and a crash costs one
job. No job starts that is not predicted to end in time. One that runs longer than predicted is interrupted at the end.
Trainings save their state after each epoch, and the next call continues them.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from filelock import FileLock, Timeout

from pipeline import run
from pipeline.config import paths
from pipeline.graph import provenance
from pipeline.planning import queue
from pipeline.planning.cost import Cost, work
from pipeline.planning.queue import Task
from pipeline.planning.rates import Rates
from pipeline.utils.errors import BadInput
from pipeline.utils.shown import StatusLine, clock

RESERVE = 20.0
"""Seconds of the given time that are left for packing."""
PATIENCE = 15.0
"""Seconds that an interrupted job may take to end before it is killed."""
TICK = 0.2
"""Seconds between two looks at the running jobs."""


@dataclass
class Running:
    """A job that was started."""

    task: Task
    process: subprocess.Popen[bytes]
    said: Path
    estimate: float
    predicted: float
    beside: bool
    started: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    @property
    def left(self) -> float:
        return max(0.0, self.predicted - self.seconds)


class Batch:
    """Jobs in their order, what each is predicted to take, and what became of them."""

    def __init__(self, name: str, tasks: list[Task], minutes: float, jobs: int, cost: Cost):
        self.name, self.jobs, self.cost = name, jobs, cost
        self.rates = Rates(paths.WORK / "batch" / f"{name}.json")
        self.minutes, self.end = minutes, time.monotonic() + 60 * minutes - RESERVE
        self.running: list[Running] = []
        self.finished: list[Task] = []
        self.interrupted: list[Task] = []
        self.failed: dict[str, str] = {}
        self._again: set[str] = set()
        self._works: dict[str, str] = {}
        self._estimates: dict[str, float] = {}
        self.done, self.waiting = _sorted_out(tasks)
        self.before, self.total = len(self.done), len(tasks)

    @property
    def left(self) -> float:
        """Seconds until the last job must have ended."""
        return self.end - time.monotonic()

    def run(self) -> None:
        """Run until nothing is left that can start, or the time is up. Interrupted, stop the jobs that run."""
        with _alone(self.name), _terminated_as_interrupted(), StatusLine() as line:
            try:
                while self._start() or self.running:
                    line.show(self.status())
                    time.sleep(TICK)
                    for each in [each for each in self.running if each.process.poll() is not None]:
                        self._ended(each, line)
                    if self.left <= 0:
                        break
            finally:
                self._stop()

    def seconds(self, task: Task) -> float:
        """Predicted seconds of a job; one whose data is missing fails soon, and says what is missing."""
        resumes = run.unfinished(task.job).exists()
        return self.rates.predicted(task.job, self._work(task), lambda: self._estimate(task), resumes)

    def status(self) -> str:
        """What is done, what runs and for how long, and the time left, in a line."""
        failed = f", {len(self.failed)} failed" if self.failed else ""
        what = [f"{each.task.name} ({clock(each.left)})" for each in self.running]
        return f"{clock(self.left)} left · {len(self.done)}/{self.total} done{failed} · {' · '.join(what) or 'waiting'}"

    def _work(self, task: Task) -> str:
        """What a job computes: jobs with equal strings take equally long."""
        if task.name not in self._works:
            self._works[task.name] = repr(work(task.params, task.job) or task.name)
        return self._works[task.name]

    def _estimate(self, task: Task) -> float:
        if task.name not in self._estimates:
            self._estimates[task.name] = self.cost.of(task.params, [task.job])[task.name] or 0.0
        return self._estimates[task.name]

    def _start(self) -> bool:
        """Start what can start now; say whether anything was started."""
        found = False
        while len(self.running) < self.jobs and (task := self._next()):
            self.waiting.remove(task)
            if not provenance.reasons(task.job):  # its inputs were made again and are the same
                self.done.append(task.name)
                continue
            self.running.append(self._started(task))
            found = True
        return found

    def _next(self) -> Task | None:
        if self._again and self.running and {each.task.name for each in self.running} & self._again:
            return None
        task = queue.choose(self.waiting, [each.task for each in self.running], self.done, self.seconds, self.left)
        return None if task and task.name in self._again and self.running else task

    def _started(self, task: Task) -> Running:
        said = paths.work("batch", task.job.record).with_suffix(".log")
        said.parent.mkdir(parents=True, exist_ok=True)
        with said.open("wb") as file:
            process = _process(task, file)
        return Running(task, process, said, self._estimate(task), self.seconds(task), bool(self.running))

    def _ended(self, each: Running, line: StatusLine) -> None:
        self.running.remove(each)
        task = each.task
        if each.process.returncode == 0 and not provenance.reasons(task.job):
            self.rates.took(task.job, self._work(task), each.estimate, each.seconds)
            self.done.append(task.name)
            self.finished.append(task)
            return
        reason = _last_line(each.said) or f"it ended with code {each.process.returncode}"
        crowded = each.process.returncode < 0 or "memory" in reason
        if crowded and (each.beside or self.running) and task.name not in self._again:
            line.print(f"{task.name} failed beside other jobs and is tried once more by itself: {reason}")
            self._again.add(task.name)
            self.waiting.insert(0, task)
        else:
            self.failed[task.name] = reason
            line.print(f"{task.name} failed: {reason}")

    def _stop(self) -> None:
        """Interrupt the jobs that run, and kill those that do not end."""
        for each in self.running:
            _signal(each, signal.SIGINT)
        for each in self.running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                each.process.wait(PATIENCE)
            _signal(each, signal.SIGKILL)
            each.process.wait()
            self.rates.spent(each.task.job, each.seconds)
            self.interrupted.append(each.task)
        self.running.clear()


def _sorted_out(tasks: list[Task]) -> tuple[list[str], list[Task]]:
    """The jobs whose results are current, by name; and the others, with those that depend on them."""
    done: list[str] = []
    waiting: list[Task] = []
    for task in tasks:
        current = task.needs <= set(done) and not provenance.reasons(task.job)
        (done.append(task.name) if current else waiting.append(task))
    return done, waiting


def _process(task: Task, said: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start a job. Its group of processes is its own, so that Ctrl-C reaches the batch alone, which then ends jobs."""
    options = ["--no-track"] if task.job.stage == "train" else []
    command = [sys.executable, *task.job.command.split()[1:], *options]
    return subprocess.Popen(command, stdout=said, stderr=said, stdin=subprocess.DEVNULL, start_new_session=True)


def _signal(each: Running, which: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(each.process.pid, which)


def _last_line(path: Path) -> str:
    lines = [line.strip() for line in path.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1].removeprefix("error: ") if lines else ""


@contextlib.contextmanager
def _alone(name: str) -> Iterator[None]:
    """One batch of a name at a time."""
    folder = paths.WORK / "batch"
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / f"{name}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise BadInput(f"another batch {name} runs here; wait for it, or end it with Ctrl-C") from None
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Treat `kill`, the end of a lease and a lost terminal like Ctrl-C, which shells make background jobs ignore."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = {which: signal.signal(which, interrupt) for which in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for which, handler in before.items():
            signal.signal(which, handler)
