"""A tiny study that really ran verifies, also after it was kept; what is edited in results/ is named."""

import contextlib
import json
import shutil
from pathlib import Path
from random import Random

import numpy as np
import pytest
import textalloc

from analysis.figures import style
from benchmarks.faults import flips
from pipeline import keep
from pipeline.complexity import interpretations
from pipeline.config import params
from pipeline.graph import graph
from pipeline.run import run
from pipeline.timing import roofline
from pipeline.utils import records
from tests.conftest import Workspace, copy_repository, few_cells

pytestmark = pytest.mark.timeout(600)

RUN = Path("results/runs/synthetic/crops/quick/d/0")


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The tiny study after its last stage but the analysis, with the tables of the claims that it knows."""
    workspace = copy_repository(tmp_path_factory.mktemp("ran") / "study")
    with pytest.MonkeyPatch.context() as patched, contextlib.chdir(workspace.root):
        patched.setitem(roofline.COPIED, "cpu", 2**20)
        patched.setitem(roofline.MATMUL_SIDE, "cpu", 64)
        patched.setattr(interpretations, "SPACE", _named_answers())
        few_cells(workspace.root)
        loaded = params.load()
        for job in graph.jobs(loaded):
            if job.stage not in ("analyse", "track"):
                run(job, loaded, track=False)
    return workspace


def _named_answers() -> dict:
    """The answers that a named interpretation gives to what the paper leaves open."""

    def given(part: str, question: str) -> tuple:
        named = interpretations.INTERPRETATIONS.values()
        return tuple(dict.fromkeys(getattr(getattr(each, part), question) for each in named))

    space = interpretations.SPACE.items()
    return {part: (kind, {key: given(part, key) for key in answers}) for part, (kind, answers) in space}


@pytest.fixture
def study(ran, tmp_path, monkeypatch):
    shutil.copytree(ran.root, tmp_path / "study", symlinks=True)
    monkeypatch.chdir(tmp_path / "study")
    return Workspace(tmp_path / "study")


def test_a_fresh_run_verifies_and_so_do_its_kept_results(study, monkeypatch):
    said = study.main("verify").stdout
    assert "files of all jobs" in said and "prepared arrays" in said and "all 13 checks passed" in said
    monkeypatch.setattr(style, "DPI", 40)
    monkeypatch.setattr(textalloc, "allocate", lambda *arguments, **options: None)
    study.main("keep")
    said = study.main("verify").stdout
    assert "studies/quickstart/SHA256SUMS" in said and "all 15 checks passed" in said
    assert "not checked (git has none of them)" in said
    assert "all 13 checks passed" in study.main("verify", "--results").stdout


def test_of_an_unfinished_study_the_runs_that_exist_are_kept(study, monkeypatch):
    drawn = []
    monkeypatch.setattr(keep, "analyse", lambda *arguments, unfinished, **options: drawn.append(unfinished))
    shutil.rmtree(RUN)
    assert f"{RUN}/train.json cannot be kept: it has no result yet" in study.main("keep", check=False).stderr
    assert not Path("studies/quickstart").exists()
    study.main("keep", "--unfinished")
    kept = {path.parent.name for path in Path("studies/quickstart/runs").rglob("scores.json")}
    assert kept and not (Path("studies/quickstart") / RUN.relative_to("results")).exists() and drawn == [True]


def test_what_is_edited_in_results_is_named(study):
    scores = json.loads((RUN / "scores.json").read_text())
    scores["result"]["pixel_accuracy"] = 0.99
    (RUN / "scores.json").write_text(json.dumps(records.sealed(scores)))
    (RUN / "weights.pt").write_bytes(b"other weights")
    array = Path("data/prepared/synthetic/test.labels.npy")
    np.save(array, np.load(array)[::-1])
    done = study.main("verify", check=False)
    assert done.returncode == 1
    assert f"{RUN}/scores.json says pixel_accuracy = 0.99, but by {RUN}/confusion.npz it is 0." in done.stdout
    assert f"{RUN}/train.json: output {RUN}/weights.pt changed" in done.stdout
    assert f"{array} is not what its manifest says" in done.stdout


def test_a_flipped_byte_is_named_in_every_kind_of_file(study):
    """Tables and figures are not drawn here; benchmarks/faults flips a byte of theirs too."""
    random = Random(0)
    for patterns in [flips.KINDS[kind] for kind in flips.KINDS if "tables" not in kind]:
        path = random.choice(sorted(path for pattern in patterns for path in study.root.glob(pattern)))
        written = path.read_bytes()
        flips.flip_unseen(study.root, [path], random)
        assert str(path.relative_to(study.root)) in study.main("verify", check=False).stdout
        path.write_bytes(written)


def test_a_matrix_of_the_floor_is_in_its_record(study):
    path = Path("results/floor/synthetic/quick/floor.json")
    record = json.loads(path.read_text())
    record["result"]["pixel_accuracy"] = 0.01
    path.write_text(json.dumps(records.sealed(record)))
    done = study.main("verify", check=False)
    assert "floor.json says pixel_accuracy = 0.01, but by its confusion matrix it is 0." in done.stdout
