"""Edited results are refused, by a sentence that names what was edited.

Each edit is made to a copy of the study `scratch` in a git repository of its own. An editor who knows of SHA256SUMS
writes it again (`resum`), and so meets the next check.
"""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline import keep, sums
from pipeline.utils.digests import digest
from tests.conftest import ROOT, Workspace

STUDY = Path("studies/scratch")
RUNS = STUDY / "runs/synthetic/none/choose"
SEED = RUNS / "d/0"
LATENCY, FLOOR = STUDY / "scratch/latency.json", STUDY / "floor/synthetic/choose/floor.json"
COUNTED, PAPER = STUDY / "complexity/synthetic/choose/d.json", STUDY / "paper/complexity.json"
CLAIMS, TOLERANCES = Path("data/paper/claims.csv"), Path("data/paper/tolerances.yaml")


@pytest.fixture(scope="module")
def committed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("committed")
    for name in ("params.yaml", f"{STUDY}.yaml", STUDY, "data/paper"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        copy(ROOT / name, root / name)
    git(root, "init", "-q")
    commit(root)
    return root


@pytest.fixture
def study(committed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    shutil.copytree(committed, tmp_path / "study")
    monkeypatch.chdir(tmp_path / "study")
    return Workspace(tmp_path / "study")


def git(root: Path, *arguments: str) -> None:
    who = ("-c", "user.name=A", "-c", "user.email=a@b.c", "-c", "core.autocrlf=false")
    subprocess.run(["git", *who, *arguments], cwd=root, check=True, capture_output=True)


def commit(root: Path = Path()) -> None:
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "Results")


def edit(path: Path, change: Callable[[dict], object]) -> None:
    record = json.loads(path.read_text())
    change(record)
    path.write_text(json.dumps(record))


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def resum() -> None:
    sums.write(STUDY)


def better_scores() -> None:
    for path in RUNS.glob("d/*/scores.json"):
        edit(path, lambda record: record["result"].update(miou=0.55))


def another_confusion() -> None:
    """Mistakes become correct, and the record of the run names the new file's digest."""
    path = SEED / "confusion.npz"
    arrays = dict(np.load(path))
    frames, classes, _ = arrays["confusion"].shape
    arrays["confusion"] = arrays["confusion"].sum(-1)[..., None] * np.eye(classes, dtype=np.int64)
    np.savez_compressed(path, **arrays)
    name = f"results/{path.relative_to(STUDY)}"
    edit(SEED / "scores.json", lambda record: record["outputs"].update({name: digest(path)}))


def another_gpu() -> None:
    def change(record: dict) -> None:
        record["result"]["device"]["name"] = "NVIDIA TITAN X"

    edit(LATENCY, change)


def faster() -> None:
    edit(LATENCY, lambda record: [row.update(median_ms=10.0, fps=100.0) for row in record["result"]["rows"]])


def faster_without_samples() -> None:
    faster()
    edit(LATENCY, lambda record: [row.update(samples_ms=[]) for row in record["result"]["rows"]])


def faster_machine() -> None:
    edit(LATENCY, lambda record: record["result"]["ceilings"][0].update(per_second=1e12))


def lower_limit() -> None:
    edit(LATENCY, lambda record: record["result"]["rows"][0].update(limit_ms=0.1))


def fewer_parameters() -> None:
    edit(COUNTED, lambda record: record["result"].update(parameters=1000, megabytes=0.004))


def lower_floor() -> None:
    edit(FLOOR, lambda record: record["result"].update(miou=0.01))


def lower_majority() -> None:
    edit(FLOOR, lambda record: record["result"]["majority"].update(miou=0.001))


def fewer_macs() -> None:
    edit(PAPER, lambda record: record["result"]["variants"]["dfanet-a"]["at"]["1024x1024"].update(macs=34 * 10**8))


def other_paper_counts() -> None:
    edit(PAPER, lambda record: record["result"]["variants"]["segnet"].update(parameters=29_500_000, megabytes=118.0))


def copied_run(*renamed: str) -> None:
    """Seed 0 in the place of seed 1; the records may be renamed to fit."""
    for path in SEED.iterdir():
        target = RUNS / "d/1" / path.name
        shutil.copy(path, target)
        if path.suffix == ".json" and "wildcards" in renamed:
            edit(target, lambda record: record["wildcards"].update(seed="1"))
        if path.suffix == ".json" and "files" in renamed:
            replace(target, "choose/d/0/", "choose/d/1/")


def other_claim() -> None:
    replace(CLAIMS, "Backbone B x3+HL,gmacs,macs,1.5,", "Backbone B x3+HL,gmacs,macs,1.3,")


def fewer_claims() -> None:
    lines = CLAIMS.read_text().splitlines(keepends=True)
    left = [line for line in lines if not line.startswith(("t5-icnet-macs,", "t5-segnet-macs,"))]
    assert len(left) == len(lines) - 2
    CLAIMS.write_text("".join(left))


def wider_tolerance() -> None:
    replace(TOLERANCES, "macs: {relative: 0.05}", "macs: {relative: 0.20}")


def one_seed_less() -> None:
    replace(Path(f"{STUDY}.yaml"), "seeds: [0, 1, 2]", "seeds: [0, 1]")


EDITS = [
    (better_scores, "d/0/scores.json says miou = 0.55, but by {confusion} it is 0.0877"),
    (another_confusion, "scores.json says miou = 0."),
    (
        another_gpu,
        "latency.json says device: name = NVIDIA TITAN X, but by its row single, eager float32 it is AMD EPYC",
    ),
    (faster, "latency.json says single, eager float32: median_ms = 10.0, but by the samples it is "),
    (faster_without_samples, "latency.json has no 5 rounds of 8 samples for single, eager float32"),
    (faster_machine, "latency.json says ceilings.0: per_second = 1000000000000.0, but by the samples it is "),
    (lower_limit, "latency.json says single, eager float32: limit_ms = 0.1, but by the samples it is "),
    (fewer_parameters, "d.json is not the record that studies/scratch/scratch/latency.json was made with"),
    (lower_floor, "floor.json says miou = 0.01, but by the mean of its IoU it is 0."),
    (lower_majority, "floor.json says majority.miou = 0.001, but by the pixels of the classes it is 0."),
    (fewer_macs, "complexity.json says dfanet-a at 1024x1024: macs = 3400000000, but by the stages' sum it is"),
    (copied_run, "d/1/train.json belongs to "),
    (lambda: copied_run("wildcards"), "choose/d/0/curve.csv, which is in another folder"),
    (lambda: copied_run("wildcards", "files"), "hold the same curve.csv, but trainings of different seeds"),
    (one_seed_less, "d/2 holds a kept run of d with seed 2, which study scratch does not name"),
]
"""What `render` refuses even if SHA256SUMS was written again."""
NAMES = [
    "scores", "confusion", "gpu", "time", "samples", "machine", "limit", "parameters", "floor", "majority", "macs",
    "copied", "renamed", "moved", "seed",
]  # fmt: skip
"""The names of the edits, in their order."""


@pytest.mark.parametrize(("change", "sentence"), EDITS, ids=NAMES)
def test_what_arrays_and_records_do_not_give_is_not_rendered(study, change, sentence):
    change()
    resum()
    sentence = sentence.format(confusion=f"{SEED}/confusion.npz")
    done = study.main("render", "scratch", check=False)
    assert done.returncode == 1 and sentence in done.stderr
    done = study.main("verify", "scratch", check=False)
    assert done.returncode == 1 and sentence in done.stdout, "verify names it too"


KEPT_FILES = [
    better_scores, another_confusion, another_gpu, faster, fewer_parameters, lower_floor, fewer_macs,
    other_paper_counts, copied_run,
]  # fmt: skip


@pytest.mark.parametrize("change", KEPT_FILES, ids=lambda change: change.__name__)
def test_a_changed_file_is_not_the_one_that_was_kept(study, change):
    change()
    done = study.main("render", "scratch", check=False)
    assert done.returncode == 1 and "is not the file that was kept: its SHA-256 is" in done.stderr
    with pytest.raises(subprocess.CalledProcessError):
        subprocess.run(["sha256sum", "-c", "--status", STUDY / "SHA256SUMS"], check=True)


def test_missing_and_additional_files_and_a_missing_list(study):
    (STUDY / "more.json").write_text("{}")
    assert f"{STUDY}/more.json is not listed in" in study.main("render", "scratch", check=False).stderr
    (STUDY / "more.json").unlink()
    FLOOR.unlink()
    assert f"{FLOOR} is missing, but {STUDY}/SHA256SUMS lists" in study.main("render", "scratch", check=False).stderr
    (STUDY / "SHA256SUMS").write_text("nothing\n")
    assert "SHA256SUMS, line 1 is not `DIGEST  PATH`" in study.main("render", "scratch", check=False).stderr
    (STUDY / "SHA256SUMS").unlink()
    assert "SHA256SUMS is missing, which holds" in study.main("render", "scratch", check=False).stderr
    assert "SHA256SUMS is missing, which holds" in study.main("verify", "scratch", check=False).stdout


JUDGING = [
    (other_claim, CLAIMS, "says 1.3 for macs of Backbone B x3+HL in Table 4, but data/paper/table4.csv says 1.5"),
    (fewer_claims, CLAIMS, "says nothing for macs of SegNet in Table 5, but data/paper/table5.csv says 286"),
    (wider_tolerance, TOLERANCES, "data/paper/tolerances.yaml is not as in the last commit"),
]


@pytest.mark.parametrize(("change", "path", "sentence"), JUDGING, ids=["value", "rows", "tolerance"])
def test_claims_and_tolerances_may_change_but_not_unseen(study, monkeypatch, change, path, sentence):
    change()
    done = study.main("verify", "scratch", check=False)
    assert done.returncode == 1 and sentence in done.stdout and f"{path} is not as in the last commit" in done.stdout
    notes = []
    monkeypatch.setattr(keep, "analyse", lambda *_, **options: notes.extend(options["notes"]))
    commit()
    study.main("render", "scratch")
    assert len(notes) == 1 and notes[0].startswith(f"{path} has changed since these results were kept: its SHA-256 was")
    assert "(last commit " in notes[0]
    done = study.main("verify", "scratch", check=False)
    assert done.returncode == 1 and notes[0] in done.stdout, "also when it is committed"


def test_what_no_record_gives_away_differs_from_the_last_commit(study):
    other_paper_counts()
    resum()
    done = study.main("verify", "scratch", check=False)
    for path in (PAPER, STUDY / "SHA256SUMS"):
        assert f"{path} is not as in the last commit" in done.stdout
    assert "error: 1 of 15 checks failed" in done.stderr


def test_git_s_index_does_not_hide_an_edit(study):
    git(Path(), "update-index", "--assume-unchanged", str(STUDY / "scratch/tables/accuracy.csv"))
    replace(STUDY / "scratch/tables/accuracy.csv", "d,", "e,")
    done = study.main("verify", "scratch", check=False)
    assert "accuracy.csv is not as in the last commit" in done.stdout


@pytest.mark.parametrize("name", [path.parent.name for path in ROOT.glob("studies/*/SHA256SUMS")])
def test_kept_studies_verify(name, monkeypatch):
    """As they are in the repository; the last commit is not asked, because a change may be under way."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("pipeline.utils.git.committed", lambda place: {})
    done = Workspace(ROOT).main("verify", name)
    assert done.stdout.count(" failed") == 0 and "checks passed" in done.stdout
    assert "not checked (git has none of them)" in done.stdout


def test_a_study_that_never_ran_says_how_to_run_it(study):
    done = study.main("verify", check=False)
    assert "study quickstart has no results in results to verify; run it first: `snakemake" in done.stderr
