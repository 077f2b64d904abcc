"""Results that are missing, cut short or do not belong together: one sentence, and no table."""

import json
import shutil

import pytest

from analysis.results import conditions
from analysis.results.results import read
from analysis.study import analyse
from pipeline.utils.errors import BadInput


def change(path, edit):
    record = json.loads(path.read_text())
    edit(record)
    path.write_text(json.dumps(record))


def refused(made, sentence):
    with pytest.raises(BadInput, match=sentence):
        analyse(made.study, made.root / "out", made.results, made.prepared)
    assert not (made.root / "out").exists()


@pytest.fixture
def small(made):
    made.variants, made.seeds, made.frames = ("single", "d"), (0, 1), 3
    return made.write()


@pytest.mark.parametrize(
    "name",
    [
        "runs/streets/crops/quick/d/1/train.json",
        "runs/streets/crops/quick/d/1/scores.json",
        "runs/streets/crops/quick/d/1/curve.csv",
        "runs/streets/crops/quick/d/1/confusion.npz",
        "runs/streets/crops/quick/d/0/predictions.npz",
        "floor/streets/quick/floor.json",
        "complexity/streets/quick/d.json",
        "made/latency.json",
    ],
)
def test_missing_and_cut_short(small, name):
    path = small.results / name
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    refused(small, f"{path} is cut short.*run its stage again")
    path.unlink()
    refused(small, f"{path} is missing; run its stage again")


def test_another_input_size(small):
    path = small.run("d", 1) / "train.json"
    change(path, lambda record: record["params"]["recipes.quick.training"].update(crop_size=[64, 64]))
    refused(small, rf"{path} was made with recipes.quick.training.crop_size = \[64, 64\], but .*\[128, 256\]")


def test_another_size_of_scoring(small):
    path = small.run("d", 1) / "scores.json"
    change(path, lambda record: record["params"].update({"recipes.quick.training.frame_size": [64, 64]}))
    refused(small, f"{path} was made with recipes.quick.training.frame_size")


def test_scores_of_older_weights(small):
    folder = small.run("d", 1)
    weights = "results/runs/streets/crops/quick/d/1/weights.pt"
    change(folder / "train.json", lambda record: record["outputs"].update({weights: "f" * 64}))
    refused(small, f"scores.json was made with {weights}")


def test_another_preparation_of_the_data(small):
    change(
        small.run("d", 1) / "scores.json",
        lambda record: record["inputs"].update({"data/prepared/streets/manifest.json": "f" * 64}),
    )
    refused(small, "scores.json was made with data/prepared/streets/manifest.json = ffffffff…")


def test_a_run_copied_to_another_seed(small):
    shutil.copytree(small.run("d", 0), small.run("d", 1), dirs_exist_ok=True)
    refused(small, f"{small.run('d', 1)}/train.json belongs to seed 0, not to seed 1")


def test_a_variant_that_was_not_timed(small):
    change(small.results / "made/latency.json", lambda record: record["result"]["rows"].pop())
    refused(small, "has no row for d; run `python -m pipeline latency made`")


def test_json_that_is_no_record(small):
    path = small.results / "floor/streets/quick/floor.json"
    path.write_text("{}")
    refused(small, f"{path} is not a record: it lacks wildcards")


def test_an_unfinished_study_is_read_as_far_as_it_is_complete(made):
    made.variants, made.frames = ("single", "a", "b", "d"), 2
    made.write()
    for variant, seed in (("b", 1), ("b", 2), ("d", 2)):
        (made.run(variant, seed) / "scores.json").unlink()
    study = made.study.model_copy(update={"contrasts": [("a", "single"), ("d", "single")]})
    found = read(study, made.results, unfinished=True)
    assert (found.study.variants, found.study.seeds) == (["single", "a"], [0, 1, 2]), "six runs, as many as 3 x 2 seeds"
    assert found.study.contrasts == [("a", "single")]
    (said,) = [each for each in conditions.warnings(found) if "not finished" in each]
    assert "Missing runs: b (seeds 1, 2), d (seed 2). Shown are single, a (seeds 0, 1, 2)." in said
    with pytest.raises(BadInput, match="scores.json"):
        read(study, made.results)


def test_a_study_without_any_run_cannot_be_read(made):
    with pytest.raises(BadInput, match="no run of the study made is finished"):
        read(made.study, made.results, unfinished=True)
