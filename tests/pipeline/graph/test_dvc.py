"""The graph in dvc.yaml: a job stands there once, under a name of its own, after those whose results it takes."""

from pathlib import Path

import pytest
import yaml

from pipeline.config import params
from pipeline.graph import dvc, graph
from pipeline.utils.errors import BadInput

GRID = {"high": 0.2, "low": 0.01}


@pytest.fixture
def alone(workspace):
    """The workspace without the ready-made studies."""
    for path in Path("studies").glob("*.yaml"):
        path.unlink()
    return workspace


@pytest.fixture
def graded(alone):
    """The tiny study from scratch, DFANet beside a peer, by a recipe that chooses its rate from two others on val."""

    def change(content):
        quick = content["recipes"]["quick"]
        content["study"] |= {"images": "none", "variants": ["single", "enet"], "seeds": [3]}
        for name, rate in GRID.items():
            content["recipes"][name] = quick | {"training": quick["training"] | {"score": "val", "learning_rate": rate}}
        content["recipes"]["quick"] = quick | {"training": quick["training"] | {"learning_rate": list(GRID)}}

    alone.edit(change)
    return params.load()


def scores(recipe, variant):
    return Path(f"results/runs/synthetic/none/{recipe}/{variant}/0/scores.json")


def written(path=dvc.ROOT):
    return yaml.safe_load(dvc.files()[path])["stages"]


def row(stage, **values):
    """What a stage depends on in one row of its table."""
    found = []
    for path in written()[stage]["do"]["deps"]:
        for key, value in values.items():
            path = path.replace(f"${{item.{key}}}", str(value))
        found.append(Path(path))
    return set(found)


@pytest.mark.parametrize("variant", ["single", "enet"])
def test_training_waits_for_the_scores_that_its_rate_is_chosen_by(graded, variant):
    jobs = graph.jobs(graded)
    final = next(job for job in jobs if job.name == f"train synthetic none quick {variant} 3")
    wanted = {scores(recipe, variant) for recipe in GRID}
    assert {path for path in final.inputs if path.name == "scores.json"} == wanted
    before = [job.name for job in jobs[: jobs.index(final)]]
    for recipe in GRID:
        assert f"train synthetic none {recipe} {variant} 0" in before
        assert f"evaluate synthetic none {recipe} {variant} 0" in before
    item = {"data": "synthetic", "images": "none", "recipe": "quick", "variant": variant, "seed": 3}
    stage = dvc.name(final).partition("@")[0]
    assert wanted <= row(stage, **item)
    assert not wanted & row(dvc.name(jobs[before.index(f"train synthetic none high {variant} 0")]).partition("@")[0])


def test_a_trial_takes_no_scores_and_runs_with_one_seed(graded):
    trials = [job for job in graph.jobs(graded) if job.stage == "train" and job.wildcards["recipe"] in GRID]
    assert {job.wildcards["seed"] for job in trials} == {"0"} and len(trials) == 2 * len(GRID)
    assert {job.inputs for job in trials} == {(Path("data/prepared/synthetic/manifest.json"),)}


def test_from_scratch_nothing_is_pretrained_and_no_weights_are_asked_for(graded):
    jobs = graph.jobs(graded)
    assert [job.name for job in jobs if job.stage in ("prepare", "pretrain")] == ["prepare synthetic"]
    trained = [job for job in jobs if job.stage == "train"]
    assert trained and not [path for job in trained for path in job.inputs if "pretrained" in path.parts]
    declared = written()
    assert "pretrain" not in declared
    assert not [path for name in declared if name.startswith("train") for path in declared[name]["do"]["deps"]
                if "pretrained" in path]  # fmt: skip


def test_a_pretrained_study_asks_for_the_weights(alone):
    trained = [job for job in graph.jobs(params.load()) if job.stage == "train"]
    weights = Path("results/pretrained/crops/quick/xception-a-fitted/weights.pt")
    assert trained and all(weights in job.inputs for job in trained)
    assert weights in row("train", data="synthetic", images="crops", recipe="quick", backbone="xception-a-fitted")


def test_each_peer_depends_on_its_own_module(graded):
    items = written()["evaluate_peer"]["foreach"]
    assert {item["module"] for item in items.values()} == {"models/peers/enet.py"}
    assert "${item.module}" in written()["evaluate_peer"]["do"]["deps"]


def test_two_jobs_with_one_name_are_refused(alone):
    """`floor` of `streets-a` by recipe `b`, and of `streets` by recipe `a-b`: both would be floor@streets-a-b."""

    def change(content):
        content["data"]["streets-a"] = content["data"]["streets"]
        content["recipes"] |= {"b": content["recipes"]["quick"], "a-b": content["recipes"]["quick"]}

    alone.edit(change)
    own = yaml.safe_load(Path("params.yaml").read_text())["study"]
    for name, data, recipe in (("one", "streets-a", "b"), ("two", "streets", "a-b")):
        study = {"study": own | {"name": name, "data": data, "recipe": recipe}}
        Path(f"studies/{name}.yaml").write_text(yaml.safe_dump(study))
    with pytest.raises(BadInput, match=r"two jobs of \w+ have one name in dvc\.yaml; rename a variant, recipe or data"):
        dvc.files()


def test_a_stale_dvc_yaml_is_named_with_its_cure(alone):
    dvc.write()
    dvc.check()
    alone.edit(lambda content: content["study"].update(seeds=[0, 1]))
    with pytest.raises(BadInput, match=r"^dvc\.yaml differ.* from what params\.yaml.*run `python -m pipeline dvc`"):
        dvc.check()
