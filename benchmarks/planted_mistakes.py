"""Whether the tests notice a wrong experiment: scientific mistakes, planted one at a time in a copy of the repository.

    python -m benchmarks.planted_mistakes [--only TITLE] [--table docs/planted-mistakes.md]

The mistakes are data: planted_mistakes.yaml. Only the tests that a mistake names are run, in a copy of the tracked
files; it is noticed if one of them fails. Ends with code 1 if a mistake is missed, or could not be planted: its text
does not stand exactly once in its file, or what comes of it does not run.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import date
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

import yaml

from pipeline.progress import progress

ROOT = Path(__file__).parents[1]
MISTAKES = Path(__file__).with_suffix(".yaml")
JOBS = 2
"""Mistakes at a time, each in a copy of its own."""
BROKEN = re.compile(r"NameError|SyntaxError|IndentationError|ImportError")
"""Of a mistake that is no mistake of an experiment but code that cannot run."""


class Mistake(NamedTuple):
    """In `file` the text `old` becomes `new`; one of `tests` (files or node ids) must fail."""

    title: str
    file: str
    old: str
    new: str
    tests: list[str]

    def plant(self, root: Path) -> str:
        """Plant it below `root`; return what the file held. ValueError if `old` does not stand there exactly once."""
        path = root / self.file
        content = path.read_text()
        if (count := content.count(self.old)) != 1:
            raise ValueError(f"its text stands {count} times in {self.file}")
        path.write_text(content.replace(self.old, self.new))
        return content


class Outcome(NamedTuple):
    """`test` is the first that failed; where none did, `problem` says why."""

    mistake: Mistake
    test: str = ""
    problem: str = "missed"


def read() -> list[Mistake]:
    return [Mistake(**entry) for entry in yaml.safe_load(MISTAKES.read_text())]


def run_tests(root: Path, tests: list[str]) -> subprocess.CompletedProcess[str]:
    """Run tests until the first failure. No bytecode is kept: two versions of a file may have one size and time."""
    settings = {"PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1", "COLUMNS": "200", "PYTHONPATH": str(root)}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-n", "0", "-rf", "--tb=no", "-p", "no:cacheprovider"]
    return subprocess.run(
        [*command, *tests], cwd=root, env=os.environ | settings, capture_output=True, text=True, check=False
    )


def attempt(mistake: Mistake, copies: SimpleQueue[Path]) -> Outcome:
    """Plant a mistake in a free copy, run its tests, and mend the copy."""
    root = copies.get()
    try:
        content = mistake.plant(root)
        ran = run_tests(root, mistake.tests)
        (root / mistake.file).write_text(content)
    except ValueError as error:
        return Outcome(mistake, problem=str(error))
    finally:
        copies.put(root)
    return judge(mistake, ran.returncode, ran.stdout)


def judge(mistake: Mistake, code: int, output: str) -> Outcome:
    """What pytest's code and summary say: a failed test notices a mistake, an error of pytest's own does not."""
    failed = re.search(r"^FAILED (.+?)(?:\[.*?\])?( - .*)?$", output, re.MULTILINE)
    if code == 0:
        return Outcome(mistake)
    if not failed or BROKEN.search(failed[2] or ""):
        return Outcome(mistake, problem=f"does not run: {output.strip().splitlines()[-1]}")
    return Outcome(mistake, test=failed[1], problem="")


def attempt_all(mistakes: list[Mistake], copies: list[Path]) -> list[Outcome]:
    free: SimpleQueue[Path] = SimpleQueue()
    for copy in copies:
        free.put(copy)
    with ThreadPoolExecutor(len(copies)) as pool:
        started = [pool.submit(attempt, mistake, free) for mistake in mistakes]
        for _ in progress(as_completed(started), "planted mistakes", len(started)):
            pass
    return [each.result() for each in started]


def copies(folder: Path) -> Iterator[Path]:
    """`JOBS` copies of the tracked files, as they are in the working tree."""
    names = _git("ls-files").splitlines()
    for number in range(JOBS):
        for name in names:
            target = folder / str(number) / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target)
        yield folder / str(number)


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
    parser.add_argument("--only", metavar="TITLE", help="mistakes whose title holds this text")
    parser.add_argument("--table", type=Path, help="Markdown file to write")
    options = parser.parse_args()
    mistakes = [each for each in read() if not options.only or options.only.lower() in each.title.lower()]
    with tempfile.TemporaryDirectory() as folder:
        roots = list(copies(Path(folder)))
        healthy = run_tests(roots[0], sorted({test for mistake in mistakes for test in mistake.tests}))
        if healthy.returncode:
            raise SystemExit(f"the tests fail without any mistake:\n{healthy.stdout}")
        outcomes = attempt_all(mistakes, roots)
    print(table(outcomes))
    if options.table:
        options.table.parent.mkdir(exist_ok=True)
        options.table.write_text(document(outcomes))
    missed = sum(bool(each.problem) for each in outcomes)
    print(f"{len(outcomes) - missed} of {len(outcomes)} noticed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
