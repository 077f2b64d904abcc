"""What the tests share: one thread each, and a tiny study in a copy of the repository to run commands in."""

import contextlib
import csv
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
import yaml

from pipeline.config import inheritance

# Tests run side by side, and networks this small gain nothing from a second thread. Torch reads it when it is imported.
os.environ["OMP_NUM_THREADS"] = "1"

ROOT = Path(__file__).parents[1]
COPIED = ("pipeline", "models", "analysis", "studies", "profiles", "data/paper", "data/camvid.sha256", "Snakefile")
COPIED += ("dvc.yaml", "params.yaml")
KEPT = [path.name for path in (ROOT / "studies").iterdir() if path.is_dir()]
"""Folders of kept results, which no test of a copy reads: copying them takes longer than all the rest."""


def shrink(params: dict) -> dict:
    """The default study with everything real and little of it: two structures, one seed, seconds of training."""
    params["study"] |= {"variants": ["single", "d"], "seeds": [0]}
    params["data"]["synthetic"] |= {"size": [64, 64], "frames": {"train": 8, "val": 0, "test": 4}}
    params["data"]["crops"] |= {"size": 32, "images": {"train": 38, "val": 19}}
    quick = params["recipes"]["quick"]
    quick["pretraining"] |= {"epochs": 1, "batch_size": 19}
    quick["training"] |= {"crop_size": [64, 64], "frame_size": [64, 64], "epochs": 3, "batch_size": 4, "warmup": 0}
    params["floor"] |= {"pixels": 2000, "trees": 2}
    params["latency"] |= {"warmup": 1, "rounds": 2, "samples": 2}
    params["evaluation"]["pictures"] = 2
    return params


def pytest_configure(config: pytest.Config) -> None:
    """Hide a GPU from all tests but `pytest -m gpu`: they compare bits, which a GPU does not repeat."""
    if config.option.markexpr != "gpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a browser, which starts slowly and is not installed everywhere."""
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")


class Workspace:
    """A copy of the repository that a test may change and run commands in."""

    def __init__(self, root: Path):
        self.root = root

    def edit(self, change: Callable[[dict], object]) -> None:
        """Change params.yaml: `change` gets its content, every entry complete, and alters it."""
        path = self.root / "params.yaml"
        content = inheritance.resolve(yaml.load(path.read_text(), yaml.CSafeLoader), path)
        change(content)
        path.write_text(yaml.dump(content, Dumper=yaml.CSafeDumper, sort_keys=False))

    def environment(self) -> dict[str, str]:
        """The tests' own Python first on the path, and this copy's modules before the repository's."""
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        return os.environ | {"PATH": path, "PYTHONPATH": os.pathsep.join([str(self.root), str(ROOT)])}

    def run(self, *command: str, check: bool = True, timeout: float = 240) -> subprocess.CompletedProcess[str]:
        """Run a command as a user would."""
        done = subprocess.run(
            command, cwd=self.root, env=self.environment(), capture_output=True, text=True, timeout=timeout, check=False
        )
        if check and done.returncode:
            pytest.fail(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return done

    def pipeline(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run `python -m pipeline` in a process of its own, with the modules of the copy."""
        return self.run("python", "-m", "pipeline", *arguments, check=check)

    def main(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Do the same in this process and with its modules, which saves the seconds that importing torch takes."""
        from pipeline.__main__ import main

        out, err = io.StringIO(), io.StringIO()
        with contextlib.chdir(self.root), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(list(arguments))
        if check and code:
            pytest.fail(f"{' '.join(arguments)} ended with {code}:\n{err.getvalue()}")
        return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


def copy_repository(root: Path, names: Iterable[str] = COPIED) -> Workspace:
    """Copy what a study needs of the repository, or `names` of it, to `root`, and shrink its default study."""
    for name in names:
        source, target = ROOT / name, root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        ignore = shutil.ignore_patterns("__pycache__", *KEPT)
        shutil.copytree(source, target, ignore=ignore) if source.is_dir() else shutil.copy(source, target)
    _few_rows(root / "data/paper/claims.csv", ",dfanet-a,")
    _few_rows(root / "data/paper/effects.csv", "Figure 2")
    workspace = Workspace(root)
    workspace.edit(shrink)
    return workspace


def copy_for_engines(root: Path) -> Workspace:
    """Do the same for Snakemake and DVC, which takes a git repository and DVC's settings."""
    workspace = copy_repository(root)
    for name in (".dvc/config", ".dvcignore", ".gitignore"):
        (root / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    workspace.run("git", "init", "--quiet", ".")
    return workspace


def few_cells(root: Path) -> None:
    """Leave the rows in the paper's tables that the few claims of a copy are about, so that `verify` has them all."""
    from analysis.claims import claims, printed

    with contextlib.chdir(root):
        claimed = {(each.table, each.row) for each in claims.read()}
    for table in printed.TABLES:
        path = root / f"data/paper/table{table}.csv"
        head, *rows = path.read_text().splitlines(keepends=True)
        path.write_text("".join([head, *(row for row in rows if (table, next(csv.reader([row]))[0]) in claimed)]))


def _few_rows(path: Path, holding: str) -> None:
    """Leave the claims about the one network that the tiny study shares with the paper, and effects without claims."""
    head, *rows = path.read_text().splitlines(keepends=True)
    path.write_text("".join([head, *(row for row in rows if holding in row)]))


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A copy of the repository with the tiny study; the test's working directory."""
    monkeypatch.chdir(tmp_path)
    return copy_repository(tmp_path)


@pytest.fixture
def torch_as_before() -> Iterator[None]:
    """One thread, and torch's switches as they were afterwards: timing sets them for the whole process."""
    import torch

    backends = torch.backends
    before = torch.get_num_threads(), backends.cudnn.allow_tf32, backends.fp32_precision
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before[0])
    backends.cudnn.allow_tf32, backends.fp32_precision = before[1:]


@pytest.fixture
def high_rates_diverge(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rates above 50 are 1e30, because no rate that is allowed makes so small a network diverge for sure."""
    from pipeline.training import loop

    poly = loop.poly
    monkeypatch.setattr(
        loop, "poly", lambda step, steps, rate, *more: poly(step, steps, 1e30 if rate > 50 else rate, *more)
    )


@pytest.fixture
def cpu_alone(monkeypatch: pytest.MonkeyPatch, torch_as_before: None) -> None:
    """A machine without a GPU, whose ceilings are measured by little work."""
    import torch

    from pipeline.timing import roofline

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setitem(roofline.COPIED, "cpu", 2**20)
    monkeypatch.setitem(roofline.MATMUL_SIDE, "cpu", 64)
