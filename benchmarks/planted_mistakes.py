"""Whether the tests notice a wrong experiment: scientific mistakes, planted one at a time in a copy of the repository.

    python -m benchmarks.planted_mistakes [--only TITLE] [--table docs/planted-mistakes.md]

The mistakes are data: planted_mistakes.yaml. Each is planted in a copy of the tracked files, and only the tests that it
names are run there; it is noticed if one of them fails. Ends with code 1 if a mistake is missed, or could not be
planted: its text does not stand exactly once in its file, or what comes of it cannot run.
"""

import argparse
import contextlib
import multiprocessing
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from pipeline.utils.progress import progress

ROOT = Path(__file__).parents[1]
MISTAKES = Path(__file__).with_suffix(".yaml")
JOBS = 2
"""Mistakes at a time."""
OWN = ("analysis", "benchmarks", "models", "pipeline", "tests")
"""The packages that are imported from the copy."""
SHARED = ["pytest", "torch._dynamo", "torch.utils.flop_counter", "ptflops", "sklearn.ensemble", "sklearn.metrics"]
SHARED += ["scipy.stats", "scipy.ndimage", "pandas", "pydantic", "PIL.Image", "matplotlib.figure", "textalloc"]
"""What is imported once, for all tests: it takes longer than most of them."""
BROKEN = re.compile(r"(Name|Syntax|Indentation|Import|ModuleNotFound)Error|.*Timeout")
"""What code that cannot run ends with, and a busy machine: no mistake of an experiment."""


class Mistake(NamedTuple):
    """In `file` the text `old` becomes `new`; one of `tests` (files or node ids) must fail."""

    title: str
    file: str
    old: str
    new: str
    tests: list[str]

    def planted(self, content: str) -> str:
        """The file's content with the mistake. ValueError if `old` does not stand there exactly once."""
        if (count := content.count(self.old)) != 1:
            raise ValueError(f"its text stands {count} times in {self.file}")
        return content.replace(self.old, self.new)


class Outcome(NamedTuple):
    """`test` is the first that failed; where none did for a good reason, `problem` says so."""

    mistake: Mistake
    test: str = ""
    problem: str = ""


class FirstFailure:
    """What of pytest's reports matters here."""

    test = reason = ""

    def pytest_collectreport(self, report: Any) -> None:
        self.pytest_runtest_logreport(report)

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed and not self.test:
            crash = getattr(report.longrepr, "reprcrash", None)
            self.test, self.reason = report.nodeid, crash.message if crash else str(report.longrepr)


def read() -> list[Mistake]:
    return [Mistake(**entry) for entry in yaml.safe_load(MISTAKES.read_text())]


def attempt(mistake: Mistake) -> Outcome:
    """Plant a mistake and run its tests."""
    with tempfile.TemporaryDirectory() as folder:
        root = copy(Path(folder))
        path = root / mistake.file
        try:
            path.write_text(mistake.planted(path.read_text()))
        except ValueError as error:
            return Outcome(mistake, problem=str(error))
        found = run_tests(root, mistake.tests)
    if not found.test:
        return Outcome(mistake, problem="missed")
    if BROKEN.match(found.reason) or "::" not in found.test:
        return Outcome(mistake, problem=f"cannot run: {found.reason.splitlines()[-1]}")
    return Outcome(mistake, found.test.partition("[")[0])


def unplanted(tests: list[str]) -> FirstFailure:
    """The tests without any mistake."""
    with tempfile.TemporaryDirectory() as folder:
        return run_tests(copy(Path(folder)), tests)


def copy(root: Path) -> Path:
    """The tracked files, as they are in the working tree, below `root`."""
    for name in _git("ls-files").splitlines():
        target = root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target)
    return root


def run_tests(root: Path, tests: list[str]) -> FirstFailure:
    """Run tests below `root` until the first fails. Once a process: it imports the project's modules from there."""
    import pytest

    for name in [name for name in sys.modules if name.partition(".")[0] in OWN]:
        del sys.modules[name]
    sys.path[:] = [str(root), *(path for path in sys.path if path and Path(path) != ROOT)]
    os.environ["PYTHONPATH"] = str(root)
    os.chdir(root)
    found = FirstFailure()
    options = ["-x", "-q", "-n", "0", "--rootdir", str(root), "-p", "no:cacheprovider"]
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
        code = pytest.main([*options, *tests], plugins=[found])
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) and not found.test:
        found.test, found.reason = "pytest", f"it ended with {code!r}; do all of {tests} exist?"
    os.chdir(ROOT)
    return found


def attempt_all(mistakes: list[Mistake]) -> list[Outcome]:
    """Every mistake in a process of its own. SystemExit if a test fails without any."""
    os.environ["OMP_NUM_THREADS"] = "1"
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(SHARED)
    tests = sorted({test for mistake in mistakes for test in mistake.tests})
    with ProcessPoolExecutor(JOBS, context, max_tasks_per_child=1) as pool:
        halves = [half for half in (tests[::2], tests[1::2]) if half]  # pytest would take none for all
        for each in pool.map(unplanted, halves):
            if each.test:
                raise SystemExit(f"{each.test} fails without any mistake: {each.reason}")
        return list(progress(pool.map(attempt, mistakes), "planted mistakes", len(mistakes), unit="mistakes"))


def table(outcomes: list[Outcome]) -> str:
    """A line for each mistake, in Markdown."""
    rows = [(each.mistake.title, each.mistake.file, each.problem or "noticed", each.test) for each in outcomes]
    lines = [("mistake", "planted in", "result", "by"), ("---",) * 4, *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def document(outcomes: list[Outcome]) -> str:
    noticed = sum(not each.problem for each in outcomes)
    changed = " with changes" if _git("status", "--porcelain", "--untracked-files=no") else ""
    return (
        "# Planted mistakes\n\n"
        "Each line is a scientific mistake, planted by itself in a copy of this repository, and the first test that "
        f"fails because of it. {noticed} of {len(outcomes)} are noticed.\n\n"
        "Written by `python -m benchmarks.planted_mistakes --table docs/planted-mistakes.md` on "
        f"{date.today()} at commit {_git('rev-parse', '--short', 'HEAD').strip()}{changed}.\n\n"
        f"{table(outcomes)}\n"
    )


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", metavar="TITLE", default="", help="mistakes whose title holds this text")
    parser.add_argument("--table", type=Path, help="Markdown file to write")
    options = parser.parse_args()
    outcomes = attempt_all([each for each in read() if options.only.lower() in each.title.lower()])
    print(table(outcomes))
    if options.table:
        options.table.parent.mkdir(exist_ok=True)
        options.table.write_text(document(outcomes))
    missed = sum(bool(each.problem) for each in outcomes)
    print(f"{len(outcomes) - missed} of {len(outcomes)} noticed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
