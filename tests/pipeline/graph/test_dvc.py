"""What users of DVC type: in a clone, after the results of a finished study were pushed from where they were made.

The stages are those of quick_stages.py, so what is seen here is DVC on this project's graph.
"""

import importlib.util
import json
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from analysis.registry import FIGURES
from tests.pipeline.graph.test_engines import Study, copy_of_the_repository

pytestmark = [pytest.mark.engines, pytest.mark.timeout(600)]

METRICS = "results/quickstart/metrics"
ROWS = ["floor", "majority-class", "single"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A study that DVC has finished; its dvc.lock is committed."""
    study = copy_of_the_repository(tmp_path_factory.mktemp("finished"))
    _sign(study)
    with (study.root / ".gitignore").open("a") as ignored:
        ignored.write("/computed\n")
    study.run("dvc", "repro")
    study.run("git", "add", "--all")
    study.run("git", "commit", "--quiet", "--message", "Results of the study")
    return study


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The options of a remote: a folder."""
    return {"url": str(tmp_path_factory.mktemp("remote"))}


@pytest.fixture(scope="module")
def bucket() -> Iterator[dict[str, str]]:
    """The options of a remote: a bucket of moto's S3 server."""
    server = shutil.which("moto_server")
    if not server or not importlib.util.find_spec("dvc_s3"):
        pytest.skip("needs moto_server on the path (pip install 'moto[server]', anywhere) and dvc[s3]")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    process = subprocess.Popen([server, "--port", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _until_made(f"{address}/results")
        yield {
            "url": "s3://results/store", "endpointurl": address, "region": "us-east-1",
            "access_key_id": "any", "secret_access_key": "any",
        }  # fmt: skip
    finally:
        process.kill()
        process.wait()


def _until_made(bucket: str) -> None:
    request = urllib.request.Request(bucket, method="PUT")
    for _ in range(300):
        try:
            urllib.request.urlopen(request, timeout=5).close()
            return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    pytest.fail("moto_server did not start within 30 seconds")


def _sign(study: Study) -> None:
    study.run("git", "config", "user.name", "a user")
    study.run("git", "config", "user.email", "user@example.org")


def _clone(finished: Study, root: Path, remote: dict[str, str]) -> Study:
    """A clone of the study with the results that were pushed to a remote."""
    clone = Study(root)
    finished.run("git", "clone", "--quiet", str(finished.root), str(root))
    _sign(clone)
    for study in (finished, clone):
        study.run("dvc", "remote", "add", "--local", "--default", "--force", "store", remote["url"])
        for name in remote.keys() - {"url"}:
            study.run("dvc", "remote", "modify", "--local", "store", name, remote[name])
    finished.run("dvc", "push")
    assert "files added" in clone.run("dvc", "pull").stdout
    return clone


@pytest.mark.parametrize("remote", ["folder", "bucket"])
def test_after_push_here_and_pull_there_both_engines_compute_nothing(finished, tmp_path, remote, request):
    clone = _clone(finished, tmp_path / "clone", request.getfixturevalue(remote))
    assert clone.run("dvc", "status").stdout.strip() == "Data and pipelines are up to date."
    assert clone.run_engine("dvc") == set() and clone.run_engine("snakemake") == set()
    assert "Nothing to be done" in clone.run("snakemake", "--cores", "2").stderr
    assert (clone.root / "data/prepared/synthetic/manifest.json").exists()


@pytest.fixture(scope="module")
def clone(finished, folder, tmp_path_factory) -> Study:
    """One clone for the commands, each of which leaves it as it was committed."""
    return _clone(finished, tmp_path_factory.mktemp("user") / "clone", folder)


def test_metrics_are_a_table_with_one_row_per_variant(clone):
    head, *rows = clone.run("dvc", "metrics", "show").stdout.splitlines()
    assert head.split() == ["Path", "gmacs", "miou"]
    assert [row.split()[0] for row in rows] == [f"{METRICS}/{name}.json" for name in ROWS]


def test_the_graph_fits_a_screen(clone):
    printed = clone.run("dvc", "dag").stdout.splitlines()
    assert len(printed) <= 40 and max(map(len, printed)) <= 160
    assert "node1" in clone.run("dvc", "dag", "--md").stdout


def test_an_experiment_changes_one_value_and_is_compared_with_what_was_committed(clone):
    ran = clone.run("dvc", "exp", "run", "--name", "short", "--set-param", "recipes.quick.training.epochs=1").stdout
    assert "Ran experiment(s): short" in ran and "Stage 'prepare' didn't change, skipping" in ran
    assert clone.run_engine("snakemake") == set()
    change = {"old": 3, "new": 1, "diff": -2}
    params = json.loads(clone.run("dvc", "params", "diff", "--json").stdout)
    assert params == {"params.yaml": {"recipes.quick.training.epochs": change}}
    for command in (("metrics", "diff"), ("exp", "diff", "HEAD", "short")):
        found = json.loads(clone.run("dvc", *command, "--json").stdout)
        values = found.get("metrics", found)[f"{METRICS}/single.json"]["miou"]
        assert values["diff"] == pytest.approx(values["new"] - values["old"]) and values["diff"] != 0
    table = clone.run("dvc", "exp", "show", "--csv", "--only-changed").stdout
    assert "!" not in table and "short" in table and "recipes.quick.training.epochs" in table
    charts = clone.run("dvc", "plots", "diff", "HEAD", "short", "--json").stdout
    assert {"HEAD", "short"} <= set(
        re.findall(r'\\"rev\\": ?\\"(\w+)\\"', charts) or re.findall(r'"rev": "(\w+)"', charts)
    )
    clone.run("git", "checkout", "--quiet", ".")
    clone.run("dvc", "checkout", "--force")
    assert clone.run("dvc", "status").stdout.strip() == "Data and pipelines are up to date."


def test_curves_are_charts_and_each_figure_is_shown_once(clone):
    clone.run("dvc", "plots", "show", "--out", "shown")
    page = (clone.root / "shown/index.html").read_text()
    shutil.rmtree(clone.root / "shown")
    assert page.count("<img") == len(FIGURES) and "Training loss" in page and "Training accuracy" in page


def test_deleted_results_come_back_and_what_no_commit_needs_is_collected(clone):
    shutil.rmtree(clone.root / "results/quickstart/tables")
    (clone.root / METRICS / "single.json").unlink()
    assert "deleted:" in clone.run("dvc", "status").stdout
    clone.run("dvc", "checkout")
    clone.run("dvc", "gc", "--all-commits", "--force")
    assert clone.run("dvc", "status").stdout.strip() == "Data and pipelines are up to date."
    assert "Everything is up to date" in clone.run("dvc", "pull").stdout
