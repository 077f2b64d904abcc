"""Both engines over one study on the same files: what runs, what does not, and that neither trusts a stale file."""

import re
import shutil
import subprocess
import time

import pytest

from tests.conftest import ROOT, Workspace, copy_repository

pytestmark = [pytest.mark.engines, pytest.mark.timeout(900)]

RUN = "synthetic crops quick"


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Workspace:
    """The tiny study in a repository of its own, run once by Snakemake; the tests here go on from there, in order."""
    root = tmp_path_factory.mktemp("study")
    workspace = copy_repository(root)
    for name in (".dvc/config", ".dvcignore", ".gitignore"):
        (root / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    workspace.pipeline("dvc")
    workspace.run("git", "init", "--quiet", ".")
    workspace.run("git", "add", ".")
    workspace.run("git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "--quiet", "-m", "start")
    workspace.run("snakemake", "--cores", "2", timeout=800)
    return workspace


def snakemake_would_run(study: Workspace) -> set[str]:
    shown = study.run("snakemake", "--dry-run", "--printshellcmds", "--cores", "2", "--quiet", "host").stdout
    return set(re.findall(r"Shell command: python -m pipeline (.*)", shown))


def dvc_would_run(study: Workspace) -> set[str]:
    """What DVC knows that it will run; its dry run ends at the first input that is not there yet, with an error."""
    shown = study.run("dvc", "repro", "--dry", check=False).stdout
    return set(re.findall(r"^> python -m pipeline (.*)$", shown, re.MULTILINE))


def train_and_evaluate(*variants: str) -> set[str]:
    return {f"{stage} {RUN} {variant} 0" for variant in variants for stage in ("train", "evaluate")}


LAST = {"analyse quickstart", "track quickstart"}
FOLLOWS = LAST | {"latency quickstart"}


def test_after_snakemake_neither_engine_executes_anything(study):
    assert "Nothing to be done" in study.run("snakemake", "--cores", "2").stderr
    before = {path: path.stat().st_mtime_ns for path in (study.root / "results").rglob("*") if path.is_file()}
    done = study.run("dvc", "repro")
    assert "Running stage" not in done.stdout and "up to date" in done.stdout + done.stderr
    assert before == {path: path.stat().st_mtime_ns for path in before}
    metrics = study.run("dvc", "metrics", "show").stdout
    assert "metrics.json" in metrics and "single.miou" in metrics and "sources" not in metrics


def test_a_changed_structure_runs_its_own_stages_and_what_aggregates_them_under_both(study):
    study.edit(lambda p: p["variants"]["d"].update(networks=3))
    own = train_and_evaluate("d") | {"complexity synthetic quick d"}
    assert snakemake_would_run(study) == own | FOLLOWS
    assert dvc_would_run(study) == own


def test_dvc_still_runs_a_structure_that_snakemake_did_not(study):
    study.edit(lambda p: p["variants"]["single"].update(decoder="none"))
    target = "results/runs/synthetic/crops/quick/d/0/scores.json"
    study.run("snakemake", "--cores", "2", target)
    left = train_and_evaluate("single") | {f"complexity synthetic quick {name}" for name in ("single", "d")}
    assert dvc_would_run(study) - LAST == left, "the runs that Snakemake made count, the others do not"
    assert snakemake_would_run(study) == left | FOLLOWS


def test_after_dvc_neither_engine_executes_anything(study):
    done = study.run("dvc", "repro", timeout=800)
    assert f"train {RUN} single 0" in done.stdout and f"train {RUN} d 0" not in done.stdout
    assert "Running stage" not in study.run("dvc", "repro").stdout
    assert "Nothing to be done" in study.run("snakemake", "--cores", "2").stderr


def test_an_edited_module_reruns_the_stages_that_import_it_and_no_others(study):
    source = study.root / "pipeline/evaluation/floor.py"
    original = source.read_text()
    source.write_text(original + "\n# edited\n")
    assert snakemake_would_run(study) == {"floor synthetic quick"} | LAST
    assert dvc_would_run(study) == {"floor synthetic quick"}
    source.write_text(original)
    assert snakemake_would_run(study) == dvc_would_run(study) == set()


def test_a_new_variant_executes_only_its_own_jobs_and_what_aggregates_them(study):
    def add(content: dict) -> None:
        content["variants"]["wide"] = content["variants"]["d"] | {"networks": 2, "decoder": "HL+LL"}
        content["study"]["variants"].append("wide")

    study.edit(add)
    refused = study.run("dvc", "repro", check=False)
    assert refused.returncode and "run `python -m pipeline dvc`" in refused.stdout + refused.stderr
    study.pipeline("dvc")
    wanted = train_and_evaluate("wide") | {"complexity synthetic quick wide"} | FOLLOWS
    assert snakemake_would_run(study) == wanted
    # A dry run of DVC stops at the first input that is not there yet, so it runs here.
    ran = study.run("dvc", "repro", timeout=800).stdout
    assert set(re.findall(r"^> python -m pipeline (.*)$", ran, re.MULTILINE)) == wanted
    assert snakemake_would_run(study) == set()
    assert "variants.wide.decoder" in study.run("dvc", "params", "diff", "--targets", "params.yaml").stdout


def test_a_stage_that_failed_is_called_current_by_neither(study):
    study.edit(lambda p: (p["study"]["variants"].remove("wide"), p["variants"]["d"].update(networks=2)))
    study.pipeline("dvc")
    broken = study.root / "pipeline/evaluation/evaluate.py"
    original = broken.read_text()
    broken.write_text(original + "\nraise RuntimeError('broken on purpose')\n")
    failed = study.run("snakemake", "--cores", "2", check=False, timeout=800)
    assert failed.returncode == 1
    broken.write_text(original)
    assert train_and_evaluate("d") - {f"train {RUN} d 0"} <= snakemake_would_run(study)
    assert f"evaluate {RUN} d 0" in dvc_would_run(study)


def test_a_killed_engine_is_followed_by_the_readme_s_recovery_command(study):
    study.edit(lambda p: p["variants"]["d"].update(networks=3))
    log = study.root / "work/logs/runs/synthetic/crops/quick/d/0/train.log"
    log.unlink()
    process = subprocess.Popen(
        ["snakemake", "--cores", "2", "--quiet", "all"], cwd=study.root, env=study.environment(), start_new_session=True
    )
    while not log.exists():
        assert process.poll() is None, "the engine ended before the training that it was to be killed in"
        time.sleep(0.1)
    process.kill()
    process.wait()
    study.run("snakemake", "--unlock", "--cores", "1")
    study.run("snakemake", "--cores", "2", timeout=800)
    study.pipeline("agree")
    assert snakemake_would_run(study) == dvc_would_run(study) == set()
