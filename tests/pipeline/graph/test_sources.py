"""A job depends on the modules that it executes, and on no others."""

from pathlib import Path

import pytest

from pipeline.config import params
from pipeline.graph import graph, sources
from tests.conftest import ROOT


@pytest.fixture(autouse=True)
def _in_the_repository(monkeypatch):
    monkeypatch.chdir(ROOT)


def of(stage: str, **wildcards: str) -> set[str]:
    chosen = {"data": "camvid", "images": "none", "recipe": "peers", "variant": "d", "seed": "0"} | wildcards
    names = {name: chosen[name] for name in graph.STAGES[stage].wildcards}
    return {path.as_posix() for path in graph.job(params.load("real-time"), stage, names).sources}


def test_what_a_stage_imports_counts_also_where_a_function_does():
    train = of("train")
    assert {
        "pipeline/training/train.py",
        "models/structures/d.py",
        "models/structures/c.py",
        "pipeline/data/augment.py",
    } <= train
    strangers = {"pipeline/tracking/track.py", "pipeline/config/params.py", "pipeline/evaluation/evaluate.py"}
    assert not strangers & train


def test_analysis_does_not_depend_on_the_networks():
    found = {path.as_posix() for path in sources.of(["analysis.study"])}
    assert not [path for path in found if path.startswith("models/")]
    assert {"analysis/report/page.css", "analysis/report/page.html"} <= found


def test_a_network_found_by_name_counts_for_its_own_jobs_alone():
    enet = of("train", variant="enet")
    assert "models/peers/enet.py" in enet and "models/peers/segnet.py" not in enet
    assert "models/peers/enet.py" not in of("train", variant="d")
    assert "models/esp.py" in of("train", variant="espnet") and "models/esp.py" not in enet


def test_a_data_set_found_by_name_counts_for_its_own_preparation():
    assert "pipeline/data/sets/camvid.py" in of("prepare", data="camvid")


def test_a_module_that_nobody_imports_counts_for_nothing(tmp_path, monkeypatch):
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "stage.py").write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import package.types_only\n"
        "def run():\n    from package import used\n"
    )
    for name in ("used", "types_only", "new_helper"):
        (package / f"{name}.py").touch()
    monkeypatch.chdir(tmp_path)
    assert sources.of(["package.stage"]) == tuple(
        Path("package", name) for name in ("__init__.py", "stage.py", "used.py")
    )
