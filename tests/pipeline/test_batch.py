"""A list of studies as a user runs it: on a bare Python, stopped, continued, packed and taken in elsewhere.

The stages are those of quick_stages.py, except where the real ones run without the packages that a GPU node lacks.
"""

import re
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from pipeline import batch, parcel, run, sums
from pipeline.batch import Batch
from pipeline.config import params
from pipeline.doctor import packages
from pipeline.graph import graph
from pipeline.graph.stale import stale
from pipeline.planning import queue
from pipeline.utils import pointers, records
from pipeline.utils.digests import digest, sha256
from pipeline.utils.errors import BadInput
from tests.conftest import ROOT, copy_repository
from tests.pipeline.graph import quick_stages

SINGLE = Path("results/runs/synthetic/crops/quick/single/0")


class Seconds:
    """What every job is estimated to take."""

    def __init__(self, seconds: float):
        self.seconds = seconds

    def of(self, params, jobs):
        return {job.name: self.seconds for job in jobs}


@pytest.fixture
def quick(workspace, monkeypatch):
    """A copy of the repository whose stages take no time, in processes of their own and in this one."""
    workspace.edit(lambda content: content["study"].update(variants=["single"], seeds=[0, 1]))
    quick_stages.install(workspace.root)
    monkeypatch.setattr(run, "STAGES", quick_stages.STAGES)
    for name, value in workspace.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(batch, "RESERVE", 0.0)
    return workspace


def begun(seconds: float, estimate: float = 0.5, jobs: int = 2) -> Batch:
    tasks = [task for task in queue.tasks([(params.load(), [])]) if task.job.stage not in queue.ELSEWHERE]
    return Batch("tiny", tasks, seconds / 60, jobs, Seconds(estimate))


def _end_while_training(running: Batch) -> str:
    """Let the time be up once two trainings run, however long this machine takes until then."""
    if [each.task.job.stage for each in running.running] == ["train", "train"]:
        running.end = 0.0
    return ""


def test_a_batch_is_stopped_by_its_time_and_the_next_one_continues(quick, monkeypatch):
    quick_stages.SLOW.touch()  # trainings take for ever
    first = begun(600.0)
    monkeypatch.setattr(first, "status", lambda: _end_while_training(first))
    first.run()
    assert [task.job.stage for task in first.finished] == ["prepare", "prepare", "pretrain"]
    assert [task.job.stage for task in first.interrupted] == ["train", "train"] and not first.failed
    quick_stages.SLOW.unlink()
    second = begun(600.0)
    second.run()
    assert second.before == 3 and len(second.done) == second.total == 8
    assert quick_stages.COMPUTED.read_text().count("evaluate") == 2
    assert {name.split()[0] for name in stale(params.load())} == {*queue.ELSEWHERE, *queue.LATER}


def test_nothing_starts_that_would_not_end_in_time_and_a_failed_job_stops_only_what_needs_it(quick):
    late = begun(4.0, estimate=5.0)
    late.run()
    assert not late.finished and len(late.waiting) == late.total
    quick_stages.BROKEN.touch()
    broken = begun(600.0)
    broken.run()
    assert {name.split()[0] for name in broken.failed} == {"evaluate"} and len(broken.done) == 6
    assert set(broken.failed.values()) == {"RuntimeError: broken on purpose"}


def test_two_batches_of_a_name_do_not_run_at_once(quick):
    with batch._alone("tiny"), pytest.raises(BadInput, match="another batch tiny runs here; wait for it"):
        begun(4.0).run()


# Parcels


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """What a quick batch packs, made without processes: a parcel, and one with weights."""
    root = tmp_path_factory.mktemp("packed")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(root)
        copy_repository(root)
        patched.setattr(run, "STAGES", quick_stages.STAGES)
        loaded = params.load()
        jobs = [task.job for task in queue.tasks([(loaded, [])]) if task.job.stage not in queue.ELSEWHERE]
        for job in jobs:
            run.run(job, loaded, track=False)
        parcel.pack(jobs, [], root / "tiny.zip")
        parcel.pack(jobs, [jobs[0]], root / "weights.zip", weights=True)
    return root


@pytest.fixture
def elsewhere(workspace, packed, monkeypatch):
    monkeypatch.setattr(run, "STAGES", quick_stages.STAGES)
    return packed


def test_a_parcel_without_weights_makes_every_result_current_where_it_is_taken_in(elsewhere):
    loaded = params.load()
    assert "8 of 8 jobs taken in" in parcel.take_in(loaded, elsewhere / "tiny.zip")[0]
    assert {name.split()[0] for name in stale(loaded)} == {*queue.ELSEWHERE, *queue.LATER}
    left_out, record = SINGLE / "weights.pt", records.read(SINGLE / "train.json")
    assert pointers.read(left_out) == digest(left_out) == record["outputs"][str(left_out)]
    assert left_out.stat().st_size < 200
    assert "0 of 8 jobs taken in" in parcel.take_in(loaded, elsewhere / "tiny.zip")[0]


def test_a_job_that_needs_weights_which_were_left_says_where_they_are(elsewhere):
    loaded = params.load()
    parcel.take_in(loaded, elsewhere / "tiny.zip")
    (SINGLE / "scores.json").unlink()
    evaluate = next(job for job in graph.jobs(loaded) if job.stage == "evaluate")
    with pytest.raises(
        BadInput, match=r"single/0/weights\.pt only names weights that were left where they were trained"
    ):
        run.run(evaluate, loaded, track=False)
    assert "train" not in {name.split()[0] for name in stale(loaded)}


def test_weights_and_the_logs_of_failed_jobs_travel_if_they_are_asked_for(elsewhere):
    said = parcel.take_in(params.load(), elsewhere / "weights.zip")
    assert (SINGLE / "weights.pt").read_bytes() == (elsewhere / SINGLE / "weights.pt").read_bytes()
    assert "work/logs/prepared/synthetic/manifest.log says why that job failed" in said


def altered(source: Path, target: Path, change) -> Path:
    """A copy of a parcel whose content `change` alters: a mapping of bytes by name."""
    with zipfile.ZipFile(source) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    change(content)
    with zipfile.ZipFile(target, "w") as archive:
        for name, each in content.items():
            archive.writestr(name, each)
    return target


def outside(content: dict[str, bytes]) -> dict[str, bytes]:
    """A module among the results, listed like them."""
    line = sums.line(Path("pipeline/run.py"), sha256(b""))
    return {"pipeline/run.py": b"", sums.NAME: content[sums.NAME] + line.encode()}


SCORES = f"{SINGLE}/scores.json"
REFUSED = {
    "altered": (lambda c: c.update({SCORES: c[SCORES] + b" "}), "scores.json in .* is not the file that was packed"),
    "missing": (lambda c: c.pop(SCORES), "scores.json is listed in .*, but missing from it"),
    "unlisted": (lambda c: c.update({"results/more": b""}), "results/more in .* is not listed in its SHA256SUMS"),
    "outside": (lambda c: c.update({"../evil": b""}), r"holds '../evil', a path that leads outside"),
    "no list": (lambda c: c.pop("SHA256SUMS"), "holds no SHA256SUMS, so it was not packed by `batch`"),
    "elsewhere": (lambda c: c.update(outside(c)), "pipeline/run.py in .* lies outside results, data/prepared"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "sentence"), REFUSED.values(), ids=REFUSED)
def test_a_parcel_that_is_not_as_it_was_packed_is_refused_whole(elsewhere, tmp_path, change, sentence):
    with pytest.raises(BadInput, match=sentence):
        parcel.take_in(params.load(), altered(elsewhere / "tiny.zip", tmp_path / "other.zip", change))
    assert not Path("results").exists() and not any(Path("work").iterdir())


def test_results_of_other_parameters_are_refused_and_nothing_is_replaced(elsewhere, workspace):
    workspace.edit(lambda content: content["recipes"]["quick"]["training"].update(epochs=4))
    with pytest.raises(
        BadInput, match=r"train.json .* does not fit .*: parameter .*epochs changed from 3 to 4; check out"
    ):
        parcel.take_in(params.load(), elsewhere / "tiny.zip")
    assert not Path("results").exists()


def test_another_result_of_the_same_job_is_not_replaced(elsewhere, monkeypatch):
    loaded = params.load()
    latency = next(job for job in graph.jobs(loaded) if job.stage == "latency")
    monkeypatch.setitem(run.STAGES, "latency", lambda *arguments: ({"made_of": "here"}, {}))
    run.run(latency, loaded)
    with pytest.raises(BadInput, match=r"latency\.json is another result of latency quickstart; delete"):
        parcel.take_in(loaded, elsewhere / "tiny.zip")
    assert records.read(latency.record)["result"] == {"made_of": "here"} and not SINGLE.exists()


# A bare Python

BARE = """
import sys

class Without:
    # Finds what a finder finds, but for the packages that a GPU node lacks.
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        return None if name.partition(".")[0] in {lacking!r} else self.finder.find_spec(name, path, target)

    def __getattr__(self, name):
        return getattr(self.finder, name)

sys.meta_path[:] = map(Without, sys.meta_path)
from pipeline.__main__ import main
from pipeline.doctor import trials
from pipeline.timing import roofline

trials.trials = lambda params: []
roofline.COPIED["cpu"], roofline.MATMUL_SIDE["cpu"] = 2**20, 64
for command in {commands!r}:
    assert main(command.split()) == 0, command
assert main(["floor", "synthetic", "quick"]) == 1
assert main(["doctor"]) == 0
"""


def little(content: dict) -> None:
    """One variant, one epoch and small timed images."""
    content["study"]["variants"] = ["single"]
    content["recipes"]["quick"]["training"]["epochs"] = 1
    content["latency"]["cpu_pixels"] = 4096


def lacking() -> set[str]:
    """What pyproject.toml names and a GPU node lacks, by imported names. Torch itself brings jinja2."""
    named = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    names = {re.split(r"[^\w.-]", each)[0] for each in named} - node() - {"torch", "numpy", "pandas", "jinja2"}
    return {"sklearn" if name == "scikit-learn" else name.partition(".")[0] for name in names}


def node() -> set[str]:
    lines = (ROOT / "requirements-node.txt").read_text().splitlines()
    return {re.split(r"[^\w-]", line)[0] for line in lines if not line.startswith("#")}


def test_a_study_runs_where_engines_tracking_counts_and_the_floor_are_not_installed(workspace):
    assert {"snakemake", "dvc", "mlflow", "ptflops", "sklearn", "matplotlib"} <= lacking()
    workspace.edit(little)
    batch_of = [task for task in queue.tasks([(params.load(), [])]) if task.job.stage not in queue.ELSEWHERE]
    commands = [task.name + (" --no-track" if task.job.stage == "train" else "") for task in batch_of]
    ran = workspace.run(sys.executable, "-c", BARE.format(lacking=lacking(), commands=commands))
    assert "error: floor synthetic quick needs the package sklearn, which is not installed here" in ran.stderr
    assert {name.split()[0] for name in stale(params.load())} == {*queue.ELSEWHERE, *queue.LATER}
    assert re.search(r"can run +prepare, pretrain, train, evaluate, latency, forms\n", ran.stdout)
    assert re.search(r"complexity +can be made elsewhere; needs ptflops\n", ran.stdout)
    assert "FAILED" not in ran.stdout


def test_the_packages_of_a_gpu_node_are_those_that_the_stages_on_it_import(monkeypatch):
    monkeypatch.chdir(ROOT)
    stages = [stage for stage in graph.STAGES if stage not in (*queue.ELSEWHERE, *queue.LATER)]
    needed = {packages.distribution(name) for stage in stages for name in packages.needed(stage)}
    assert needed - {"torch", "numpy", "pandas"} == node()
