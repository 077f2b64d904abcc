"""Checks whether the tests notice scientific mistakes, planted one at a time in a copy of the repository.

    python -m benchmarks.planted_mistakes [--only TITLE] [--table docs/planted-mistakes.md]

The mistakes are listed in planted_mistakes.yaml. Each is planted in a copy of the tracked files, where only the tests
that it names are run; it is noticed if one of them fails. The exit code is 1 if a mistake is missed or cannot be
planted, because its text does not occur exactly once in its file or the changed code cannot run.
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
"""Number of mistakes that are tried in parallel."""
OWN = ("analysis", "benchmarks", "models", "pipeline", "tests")
"""Packages that are imported from the copy."""
SHARED = ["pytest", "torch._dynamo", "torch.utils.flop_counter", "ptflops", "sklearn.ensemble", "sklearn.metrics"]
SHARED += ["scipy.stats", "scipy.ndimage", "pandas", "pydantic", "PIL.Image", "matplotlib.figure", "textalloc"]
"""Modules that are imported once for all tests, because their import takes longer than most tests."""
BROKEN = re.compile(r"(Name|Syntax|Indentation|Import|ModuleNotFound)Error|.*Timeout")
"""Errors of code that cannot run, and timeouts of a busy machine. They do not count as a noticed mistake."""


class Mistake(NamedTuple):
    """Replaces the text `old` in `file` by `new`. One of `tests` (files or node ids) must fail."""

    title: str
    file: str
    old: str
    new: str
    tests: list[str]

    def planted(self, content: str) -> str:
        """Return `content` with the mistake. Raises `ValueError` if `old` does not occur in it exactly once."""
        if (count := content.count(self.old)) != 1:
            raise ValueError(f"its text occurs {count} times in {self.file}")
        return content.replace(self.old, self.new)


class Outcome(NamedTuple):
    """`test` is the first test that failed. `problem` says why the mistake was not noticed; it is empty if it was."""

    mistake: Mistake
    test: str = ""
    problem: str = ""


class FirstFailure:
    """Pytest plugin that keeps the first failed test and its reason."""

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
    """Run the tests without any mistake."""
    with tempfile.TemporaryDirectory() as folder:
        return run_tests(copy(Path(folder)), tests)


def copy(root: Path) -> Path:
    """Copy the tracked files, as they are in the working tree, to `root`."""
    for name in _git("ls-files").splitlines():
        target = root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target)
    return root


def run_tests(root: Path, tests: list[str]) -> FirstFailure:
    """Run tests below `root` until the first fails. Call it once per process: it imports the modules of `root`."""
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
        found.test, found.reason = "pytest", f"pytest ended with {code!r}; check that all of {tests} exist"
    os.chdir(ROOT)
    return found


def attempt_all(mistakes: list[Mistake]) -> list[Outcome]:
    """Try every mistake in its own process. Raises `SystemExit` if a test fails without any mistake."""
    os.environ["OMP_NUM_THREADS"] = "1"
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(SHARED)
    tests = sorted({test for mistake in mistakes for test in mistake.tests})
    with ProcessPoolExecutor(JOBS, context, max_tasks_per_child=1) as pool:
        halves = [half for half in (tests[::2], tests[1::2]) if half]  # without arguments pytest runs all tests
        for each in pool.map(unplanted, halves):
            if each.test:
                raise SystemExit(f"{each.test} fails without any mistake: {each.reason}")
        return list(progress(pool.map(attempt, mistakes), "planted mistakes", len(mistakes), unit="mistakes"))


def table(outcomes: list[Outcome]) -> str:
    """Return a Markdown table with one row per mistake."""
    rows = [(each.mistake.title, each.mistake.file, each.problem or "noticed", each.test) for each in outcomes]
    lines = [("mistake", "planted in", "result", "noticed by"), ("---",) * 4, *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def document(outcomes: list[Outcome]) -> str:
    noticed = sum(not each.problem for each in outcomes)
    changed = " with changes" if _git("status", "--porcelain", "--untracked-files=no") else ""
    return (
        "# Planted mistakes\n\n"
        "Each row is a scientific mistake, planted alone in a copy of this repository, and the first test that fails "
        f"because of it. The tests notice {noticed} of {len(outcomes)} mistakes.\n\n"
        "Written by `python -m benchmarks.planted_mistakes --table docs/planted-mistakes.md` on "
        f"{date.today()} at commit {_git('rev-parse', '--short', 'HEAD').strip()}{changed}.\n\n"
        f"{table(outcomes)}\n"
    )


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", metavar="TITLE", default="", help="try only mistakes whose title contains this text")
    parser.add_argument("--table", type=Path, help="Markdown file to write")
    options = parser.parse_args()
    outcomes = attempt_all([each for each in read() if options.only.lower() in each.title.lower()])
    print(table(outcomes))
    if options.table:
        options.table.parent.mkdir(exist_ok=True)
        options.table.write_text(document(outcomes))
    missed = sum(bool(each.problem) for each in outcomes)
    print(f"{len(outcomes) - missed} of {len(outcomes)} mistakes noticed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
