"""Predictions that learn from the jobs of a batch that are done, and outlive an interrupted one."""

import json
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import NamedTuple

from pipeline.graph.graph import Job
from pipeline.utils.files import write

START = 5.0
"""Seconds that a job spends on starting Python and importing its libraries."""


class Taken(NamedTuple):
    """A finished job: its stage, what it computed, and the seconds that were estimated and that it took."""

    stage: str
    work: str
    estimate: float
    seconds: float


class Rates:
    """What jobs took beside what was estimated for them, kept in a file.

    A job that computes the same as a finished one, such as another seed, is predicted to take as long. Other estimates
    are corrected by the median ratio of the jobs of their stage.
    """

    def __init__(self, path: Path):
        self._path = path
        self._taken: dict[str, Taken] = {}
        self._spent: dict[str, float] = {}
        if path.exists():
            content = json.loads(path.read_text())
            self._taken = {name: Taken(*each) for name, each in content["taken"].items()}
            self._spent = content["spent"]

    def predicted(self, job: Job, work: str, estimate: Callable[[], float], resumes: bool = False) -> float:
        """Seconds that a job will take; less what was spent on it if it `resumes` from a saved state."""
        alike = [each.seconds for each in self._taken.values() if (each.stage, each.work) == (job.stage, work)]
        whole = median(alike) if alike else estimate() * self._ratio(job.stage)
        return max(START, whole - self._spent.get(job.name, 0.0)) if resumes else whole

    def took(self, job: Job, work: str, estimate: float, seconds: float) -> None:
        """Note what a finished job took."""
        self._taken[job.name] = Taken(job.stage, work, estimate, seconds + self._spent.pop(job.name, 0.0))
        self._save()

    def spent(self, job: Job, seconds: float) -> None:
        """Note what an interrupted job had taken."""
        self._spent[job.name] = self._spent.get(job.name, 0.0) + seconds
        self._save()

    def _ratio(self, stage: str) -> float:
        ratios = [each.seconds / each.estimate for each in self._taken.values() if each.stage == stage]
        return median(ratios) if ratios else 1.0

    def _save(self) -> None:
        write(self._path, json.dumps({"taken": self._taken, "spent": self._spent}, indent=1).encode())
