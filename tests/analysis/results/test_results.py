"""Results that are missing, cut short or do not belong together: one sentence, and no table."""

import json
import shutil

import numpy as np
import pytest

from analysis.claims import effects
from analysis.figures import style
from analysis.results import conditions
from analysis.results.results import read
from analysis.study import analyse
from pipeline.utils import confusion
from pipeline.utils.digests import digest
from pipeline.utils.errors import BadInput
from tests.analysis.made import CLASSES

MANIFEST = {"data/prepared/streets/manifest.json"}


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
    assert found.study.contrasts == [("a", "single")] and found.registered == study
    (judged,) = effects.judged(found, []).to_dict("records")
    assert judged["p_corrected"] == min(1, 2 * judged["p"]), "corrected for both contrasts, not for the finished one"
    (said,) = [each for each in conditions.warnings(found) if "not finished" in each]
    assert "Missing runs: b (seeds 1, 2), d (seed 2). Shown are single, a (seeds 0, 1, 2)." in said
    with pytest.raises(BadInput, match="scores.json"):
        read(study, made.results)


def test_of_a_study_without_any_run_times_and_counts_are_shown(made, monkeypatch):
    """As a GPU leaves it that only timed its networks: no runs, no floor, no frames."""
    monkeypatch.setattr(style, "DPI", 40)
    made.frames = 1
    made.write()
    shutil.rmtree(made.results / "runs")
    shutil.rmtree(made.results / "floor")
    with pytest.raises(BadInput, match="train.json is missing"):
        read(made.study, made.results)
    assert analyse(made.study, made.root / "shown", made.results, unfinished=True) == {}
    names = {path.stem for path in (made.root / "shown").rglob("*.md")}
    assert names == {"increments", "latency", "order", "table1", "verdicts"}
    assert "No run of this study is scored" in (made.root / "shown/report.html").read_text()


def arrays_changed(made, edit, seed=0):
    """Change the arrays of a run of d, and make its record fit: the digest, and the scores."""
    path = made.run("d", seed) / "confusion.npz"
    arrays = dict(np.load(path))
    edit(arrays)
    np.savez_compressed(path, **arrays)

    def fit(record):
        record["outputs"][f"results/{path.relative_to(made.results)}"] = digest(path)
        names = list(record["result"]["iou"])
        near = confusion.scores(arrays.get("border", arrays["confusion"]).sum(0), names)
        record["result"] |= confusion.scores(arrays["confusion"].sum(0), names)
        record["result"]["border"] |= {key: near[key] for key in ("miou", "pixel_accuracy", "iou")}
        record["result"]["objects"]["bins"] = confusion.recall_by_size(arrays["objects"], [64])

    change(path.with_name("scores.json"), fit)


def all_correct(arrays):
    """Every pixel is predicted as it is labelled."""
    for name in ("confusion", "border"):
        arrays[name] = arrays[name].sum(-1)[..., None] * np.eye(len(CLASSES), dtype=np.int64)


def with_objects(arrays):
    all_correct(arrays)
    arrays["objects"][:, 3] = arrays["objects"][:, 2]


def other_labels(arrays):
    arrays["confusion"][:, 0, 0] -= 1
    arrays["confusion"][:, 2, 0] += 1


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [
        (lambda arrays: arrays.pop("border"), "the scores of 6 classes, but .*confusion.npz has no array border"),
        (lambda arrays: arrays["border"].__imul__(9), "confusion.npz counts more pixels near borders than in whole"),
        (all_correct, r"confusion.npz has \d+ correct pixels in the objects of class 4 of frame 0, but \d+ in its"),
        (with_objects, r"predictions.npz shows \d+ pixels of class \d in frame 0, but confusion.npz counts \d+"),
        (other_labels, "was scored on other labels than .*: the pixels of the classes differ"),
    ],
    ids=["lacking", "border", "objects", "predictions", "labels"],
)
def test_arrays_that_were_edited_with_their_record_contradict_each_other(small, edit, sentence):
    arrays_changed(small, edit)
    refused(small, sentence)


def test_all_runs_scored_on_other_labels_than_the_data_has(small):
    change(
        small.prepared / "streets/manifest.json",
        lambda record: record["result"]["splits"]["test"]["class_pixels"].reverse(),
    )
    new = digest(small.prepared / "streets/manifest.json")
    for path in small.results.rglob("*.json"):
        if "paper" not in path.parts:
            change(path, lambda record: record["inputs"].update(dict.fromkeys(record["inputs"].keys() & MANIFEST, new)))
    refused(small, "was scored on other labels than the manifest of the data counts")


def test_another_manifest_than_the_runs_were_made_with(small):
    change(small.prepared / "streets/manifest.json", lambda record: record["result"].update(task="edited"))
    refused(small, "manifest.json is not the record that .* was made with: its digest is")


@pytest.mark.parametrize(("key", "value"), [("epochs", 9), ("loss", 0.01)])
def test_a_training_record_says_what_its_curve_gives(small, key, value):
    change(small.run("d", 1) / "train.json", lambda record: record["result"].update({key: value}))
    refused(small, f"d/1/train.json says {key} = {value}, but by .*curve.csv it is")


def test_the_floor_s_scores_are_those_of_its_matrix(small):
    path = small.results / "floor/streets/quick/floor.json"
    matrix = np.diag(np.bincount(small.truth[small.truth != 255], minlength=len(CLASSES))).tolist()
    change(path, lambda record: record["result"].update(confusion=matrix))
    refused(small, "floor.json says miou = 0.21, but by its confusion matrix it is 1.0")


def test_the_weights_of_another_variant(small):
    first, second = (small.run(name, 0) for name in ("single", "d"))
    weights = json.loads((first / "train.json").read_text())["outputs"].values()
    name = f"results/{second.relative_to(small.results)}/weights.pt"
    for path, key in ((second / "train.json", "outputs"), (second / "scores.json", "inputs")):
        change(path, lambda record, key=key: record[key].update({name: [*weights][-1]}))
    refused(small, "single/0/train.json hold the same weights.pt, but trainings of different seeds or networks")
