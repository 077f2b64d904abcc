"""Try faults on a tiny study until a time is over, and print a table of what was tried and what was survived.

    python -m benchmarks.faults [--kills N] [--minutes M] [--only KIND ...] [--seed S]

The exit code is 1 if anything did not survive; the folder of such an attempt is kept.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

from benchmarks.faults import flips, kills, surroundings
from benchmarks.faults.study import Lost, NotTried, Reference, Study, undisturbed
from pipeline.graph.provenance import environment

ENGINES = {"snakemake": "Snakemake", "dvc": "DVC"}
KINDS: dict[str, Callable[[Study], str]] = {
    **{f"{name} killed with all that it started": kills.engine(key, kills.everything) for key, name in ENGINES.items()},
    "one of two training processes killed": kills.process_of_two,
    **{f"byte flipped: {kind}": flips.results(kind) for kind in flips.KINDS},
    "byte flipped: checkpoint": flips.checkpoint,
    "byte flipped: notes of what is current": flips.notes,
    "byte flipped: MLflow's database": flips.database,
    **{f"results/ read-only, {name}": surroundings.read_only(key) for key, name in ENGINES.items()},
    **{f"clock set back, {name}": surroundings.clock_set_back(key) for key, name in ENGINES.items()},
    "MLflow's server killed": surroundings.mlflow_gone,
    **{f"disk full, {name}": surroundings.full_disk(key) for key, name in ENGINES.items()},
    **{f"{name} killed alone": kills.engine(key, kills.the_engine) for key, name in ENGINES.items()},
    **{f"a job of {name} killed": kills.engine(key, kills.one_job) for key, name in ENGINES.items()},
    "jobs of Slurm cancelled": kills.job_of_slurm,
}
"""What is tried, by name, in this order; each is given a new folder and says how the fault was noticed or undone."""


class Outcome(NamedTuple):
    """How often a fault was done, whether the study survived, and how it was noticed or why it was not survived."""

    kind: str
    tried: int
    survived: bool
    said: str


def attempt(kind: str, folder: Path, reference: Reference, seed: str) -> Outcome:
    """Try a kind of fault once; keep the folder if the study did not survive."""
    folder.mkdir()
    study = Study(folder / "study", reference, Random(seed))
    try:
        said = KINDS[kind](study)
    except NotTried as reason:
        return Outcome(kind, 0, True, f"not tried: {reason}")
    except (Exception, pytest.fail.Exception) as error:
        why = str(error) if isinstance(error, Lost) else f"{type(error).__name__}: {error}"
        return Outcome(kind, max(study.faults, 1), False, f"{why} ({folder})")
    shutil.rmtree(folder)
    return Outcome(kind, study.faults, True, said)


def attempt_all(chosen: list[str], options: argparse.Namespace, folder: Path) -> list[Outcome]:
    """Try each kind once, then each a second time, and so on, while there is time."""
    end = time.monotonic() + 60 * options.minutes
    reference = undisturbed(folder / "undisturbed")
    print(f"[{_left(end)}] the undisturbed study took {reference.seconds:.0f} s", flush=True)
    found: list[Outcome] = []
    for count in range(options.kills):
        for number, kind in enumerate(chosen):
            if time.monotonic() >= end:
                return found
            began = time.monotonic()
            one = attempt(kind, folder / f"{count}-{number}", reference, f"{options.seed} {count} {kind}")
            result = "survived" if one.survived else "LOST"
            took = time.monotonic() - began
            print(f"[{_left(end)}] {kind}: {one.tried} tried, {result}: {one.said} ({took:.0f} s)", flush=True)
            found.append(one)
    return found


def table(found: list[Outcome]) -> str:
    """Return a Markdown table with one row per kind."""
    lines = [("fault", "tried", "survived", "how it was noticed"), ("---", "---:", "---:", "---")]
    for kind in dict.fromkeys(each.kind for each in found):
        same = [each for each in found if each.kind == kind]
        survived = sum(each.tried for each in same if each.survived)
        said = "; ".join(dict.fromkeys(each.said for each in same))
        lines.append((kind, str(sum(each.tried for each in same)), str(survived), said))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def conditions() -> str:
    """Return when, at which commit and on which machine the faults were tried."""
    here = environment()
    changed = " with changes" if here["dirty"] else ""
    means = "mounts as root" if os.geteuid() == 0 else "no mounts"
    return (
        f"{date.today()}, commit {here['commit'][:7]}{changed}, {here['platform']}, {os.cpu_count()} cores, "
        f"Python {here['python']}, torch {here['libraries']['torch']}, {means}"
    )


def _left(end: float) -> str:
    seconds = max(0, round(end - time.monotonic()))
    return f"{seconds // 60}:{seconds % 60:02d} left"


def _in_a_namespace() -> None:
    """Start again where this process may mount without anyone else seeing it, if the system allows that."""
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    command = ["unshare", *user, "--mount", "--"]
    if surroundings.PRIVATE in os.environ or not shutil.which("unshare"):
        return
    if subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0:
        os.environ[surroundings.PRIVATE] = "yes"
        os.execvp("unshare", [*command, sys.executable, "-m", "benchmarks.faults", *sys.argv[1:]])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=3, metavar="N", help="rounds, each with every kind (default 3)")
    parser.add_argument("--minutes", type=float, default=30, metavar="M", help="start nothing afterwards (default 30)")
    parser.add_argument("--only", nargs="+", metavar="KIND", default=[""], help="kinds whose names contain this text")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="of the random moments and bytes (default 0)")
    options = parser.parse_args()
    chosen = [kind for kind in KINDS if any(text.lower() in kind.lower() for text in options.only)]
    if not chosen:
        parser.error(f"no kind contains {' or '.join(options.only)}; known are: {'; '.join(KINDS)}")
    _in_a_namespace()
    folder, under = Path(tempfile.mkdtemp(prefix="faults-")), conditions()
    found = attempt_all(chosen, options, folder)
    lost = [each for each in found if not each.survived]
    print(f"\n{table(found)}\n\n{under}")
    if not lost:
        shutil.rmtree(folder)
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
