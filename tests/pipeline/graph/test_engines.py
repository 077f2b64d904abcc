"""Both engines over one study on the same files: what each computes, and that neither trusts a stale result.

The stages are those of quick_stages.py. Each test starts from its own copy of a study that Snakemake has finished.
"""

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest
import yaml
from filelock import FileLock

from pipeline.config import params
from pipeline.graph.stale import stale
from tests.conftest import Workspace, copy_for_engines
from tests.pipeline.graph import quick_stages

pytestmark = [pytest.mark.engines, pytest.mark.timeout(600)]

ENGINES = {"snakemake": ("snakemake", "--cores", "2"), "dvc": ("dvc", "repro")}
OTHER = {"snakemake": "dvc", "dvc": "snakemake"}
RUN = "synthetic crops quick single 0"
LAST = {"analyse quickstart", "track quickstart"}
VARIANT = {f"train {RUN}", f"evaluate {RUN}", "complexity synthetic quick single", "latency quickstart"} | LAST


class Study(Workspace):
    def run_engine(self, engine: str, *arguments: str, check: bool = True) -> set[str]:
        """Run an engine; return the jobs that computed something."""
        log = self.root / quick_stages.COMPUTED
        log.unlink(missing_ok=True)
        self.run(*ENGINES[engine], *arguments, check=check, timeout=500)
        return set(log.read_text().splitlines()) if log.exists() else set()

    def all_current(self) -> bool:
        return not stale(params.load())

    def change_variant(self, **values: object) -> None:
        self.edit(lambda content: content["variants"]["single"].update(values or {"decoder": "none"}))

    def append(self, path: str, text: str) -> None:
        with (self.root / path).open("a") as file:
            file.write(text)


@pytest.fixture(scope="module")
def snakemade(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of one variant that Snakemake has finished, made once for all the workers of pytest-xdist."""
    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared
    root = shared / "snakemade"
    with FileLock(shared / "snakemade.lock"):
        if not (root / "finished").exists():
            study = copy_of_the_repository(root)
            study.run(*ENGINES["snakemake"])
            (root / "finished").touch()
    return root


@pytest.fixture
def study(snakemade: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    root = shutil.copytree(snakemade, tmp_path / "study", symlinks=True)
    monkeypatch.chdir(root)
    return Study(root)


@pytest.fixture
def new_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    monkeypatch.chdir(tmp_path)
    return copy_of_the_repository(tmp_path)


def copy_of_the_repository(root: Path) -> Study:
    study = Study(copy_for_engines(root).root)
    quick_stages.install(root)
    study.edit(lambda content: content["study"].update(variants=["single"]))
    return study


def test_dvc_after_snakemake_calls_each_command_once_computes_nothing_and_then_skips(study):
    before = {path: path.stat().st_mtime_ns for path in Path("results").rglob("*.*") if path.name != ".gitignore"}
    assert study.run_engine("dvc") == set()
    assert before == {path: path.stat().st_mtime_ns for path in before}, "results stay untouched"
    assert "Running stage" not in study.run("dvc", "repro").stdout
    assert "Nothing to be done" in study.run("snakemake", "--cores", "2").stderr


def test_snakemake_after_dvc_has_nothing_to_do(new_study):
    assert len(new_study.run_engine("dvc")) == 12 and new_study.all_current()
    assert "Nothing to be done" in new_study.run("snakemake", "--cores", "2").stderr


@pytest.mark.parametrize("engine", ENGINES)
def test_a_changed_variant_runs_its_own_jobs_and_what_aggregates_them(study, engine):
    study.change_variant()
    assert study.run_engine(engine) == VARIANT
    assert study.run_engine(OTHER[engine]) == set() and study.all_current()


@pytest.mark.parametrize("engine", ENGINES)
def test_sources_count_by_what_they_do(study, engine):
    study.append("pipeline/utils/errors.py", "\n# Every job depends on this module.\n")
    study.append("models/xception.py", '\n"""And all networks on this one."""\n')
    assert study.run_engine(engine) == set()
    study.append("pipeline/evaluation/floor.py", "\nEDITED = True\n")
    (study.root / "models/new_helper.py").write_text("NOBODY = 'imports it'\n")
    assert study.run_engine(engine) == {"floor synthetic quick"} | LAST
    assert study.run_engine(OTHER[engine]) == set() and study.all_current()


@pytest.mark.parametrize("engine", ENGINES)
def test_preparing_the_same_frames_again_computes_nothing_after_it(study, engine):
    time.sleep(1)  # the record says the second at which it was written
    before = Path("data/prepared/synthetic/manifest.json").read_bytes()
    study.pipeline("prepare", "synthetic", "--force")
    assert Path("data/prepared/synthetic/manifest.json").read_bytes() != before
    assert study.run_engine(engine) == set()


def test_a_change_that_one_engine_has_half_done_is_finished_by_the_other(study):
    study.change_variant()
    study.edit(lambda content: content["floor"].update(trees=3))
    scores = f"results/runs/{RUN.replace(' ', '/')}/scores.json"
    assert study.run_engine("snakemake", scores) == {f"train {RUN}", f"evaluate {RUN}"}
    left = (VARIANT | {"floor synthetic quick"}) - {f"train {RUN}", f"evaluate {RUN}"}
    assert study.run_engine("dvc") == left and study.all_current()
    assert study.run_engine("snakemake") == set()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_new_variant_runs_only_its_own_jobs_and_what_aggregates_them(study, engine):
    def add(content: dict) -> None:
        content["variants"]["wide"] = content["variants"]["single"] | {"decoder": "HL+LL"}
        content["study"]["variants"].append("wide")

    study.edit(add)
    assert study.run_engine(engine) == {job.replace("single", "wide") for job in VARIANT}
    assert study.all_current()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_result_of_a_failed_job_is_current_for_neither(study, engine):
    study.change_variant()
    (study.root / quick_stages.BROKEN).touch()
    assert study.run_engine(engine, check=False) >= {f"train {RUN}", f"evaluate {RUN}"}
    assert not Path("results/runs", *RUN.split(), "scores.json").exists(), "an old record would look like a new one"
    (study.root / quick_stages.BROKEN).unlink()
    assert study.run_engine(OTHER[engine]) >= {f"evaluate {RUN}"} | LAST
    assert study.run_engine(engine) == set() and study.all_current()


@pytest.mark.parametrize("engine", ENGINES)
def test_after_a_killed_engine_the_next_run_finishes_the_study(study, engine):
    study.change_variant()
    (study.root / quick_stages.SLOW).touch()
    log = study.root / quick_stages.COMPUTED
    log.unlink()
    process = subprocess.Popen(ENGINES[engine], cwd=study.root, env=study.environment(), start_new_session=True)
    while not (log.exists() and f"train {RUN}" in log.read_text()):
        assert process.poll() is None, "the engine ended before the training that it was to be killed in"
        time.sleep(0.1)
    process.kill()  # the training lives on, and so the next run waits for it
    process.wait()
    (study.root / quick_stages.SLOW).unlink()
    study.run("snakemake", "--unlock", "--cores", "1")
    study.run_engine(engine)
    assert study.run_engine(OTHER[engine]) == set() and study.all_current()


def test_both_engines_run_the_trials_of_another_study_that_trains_from_scratch(new_study):
    study = new_study
    study.edit(lambda content: _choose_the_rate(content))
    study.run("python", "-m", "pipeline", "use", "graded")
    trials = {f"{stage} synthetic none {rate} single 0" for stage in ("train", "evaluate") for rate in ("high", "low")}
    assert study.run_engine("dvc") >= trials | {"train synthetic none chosen single 0"}
    assert study.all_current() and study.run_engine("snakemake") == set()
    study.edit(lambda content: content["recipes"]["low"]["training"].update(learning_rate=0.02))
    again = {f"{stage} synthetic none {rate} single 0" for stage in ("train", "evaluate") for rate in ("low", "chosen")}
    assert study.run_engine("dvc") == again | {"analyse graded", "track graded"} and study.all_current()
    study.run("python", "-m", "pipeline", "use", "quickstart")
    assert study.run_engine("snakemake") > {f"train {RUN}"} and study.run_engine("dvc") == set()


def _choose_the_rate(content: dict) -> None:
    quick = content["recipes"]["quick"]
    for name, rate in {"high": 0.2, "low": 0.01}.items():
        content["recipes"][name] = quick | {"training": quick["training"] | {"score": "val", "learning_rate": rate}}
    content["recipes"]["chosen"] = quick | {"training": quick["training"] | {"learning_rate": ["high", "low"]}}
    content["data"]["synthetic"]["frames"]["val"] = 2
    graded = content["study"] | {"name": "graded", "images": "none", "recipe": "chosen"}
    Path("studies/graded.yaml").write_text(yaml.safe_dump({"study": graded}))
