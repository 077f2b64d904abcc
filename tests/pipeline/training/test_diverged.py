"""A rate that is too high for a network: a trial of it is a result, and the study goes on; elsewhere it is an error."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from models.build import build
from models.initialisation import initialise
from pipeline import run
from pipeline.config import params
from pipeline.deployment import checkpoint
from pipeline.evaluation.evaluate import evaluate
from pipeline.graph import graph
from pipeline.tracking import tracked
from pipeline.utils import weights
from pipeline.utils.errors import BadInput
from tests.conftest import Workspace
from tests.prepared_frames import write_prepared

PEER = "fast-scnn"


def gridded(workspace: Workspace, *rates: float) -> params.Params:
    """A study of one small network from scratch, whose rate is chosen from several on the frames of `val`."""
    names = [f"trial-{index}" for index in range(len(rates))]

    def change(content):
        content["study"] |= {"variants": [PEER], "baseline": PEER, "images": "none"}
        content["data"]["synthetic"]["frames"] = {"train": 4, "val": 2, "test": 2}
        quick = content["recipes"]["quick"]
        training = quick["training"] | {"epochs": 2, "batch_size": 4}
        for name, rate in zip(names, rates, strict=True):
            content["recipes"][name] = quick | {"training": training | {"score": "val", "learning_rate": rate}}
        content["recipes"]["quick"] = quick | {"training": training | {"learning_rate": names}}

    workspace.edit(change)
    return params.load()


def upto_training(loaded: params.Params) -> Path:
    """Run every job up to the final training, whose folder is returned."""
    jobs = [job for job in graph.jobs(loaded) if job.stage in ("prepare", "train", "evaluate")]
    last = next(index for index, job in enumerate(jobs) if job.wildcards.get("recipe") == "quick")
    for job in jobs[: last + 1]:
        run.run(job, loaded, track=False)
    return jobs[last].folder


def result(path: Path) -> dict:
    return json.loads(path.read_text())["result"]


def test_a_diverging_trial_scores_0_says_why_and_the_study_goes_on(workspace, high_rates_diverge):
    loaded = gridded(workspace, 100.0, 0.01)
    chosen = result(upto_training(loaded) / "train.json")
    assert chosen["learning_rate"] == 0.01 and chosen["learning_rates"]["100.0"] == 0 < chosen["learning_rates"]["0.01"]
    folder = Path(f"results/runs/synthetic/none/trial-0/{PEER}/0")
    why = "in epoch 1: the learning rate 100.0 is too high"
    assert why in result(folder / "train.json")["diverged"] and why in result(folder / "scores.json")["diverged"]
    scores = result(folder / "scores.json")
    assert scores["miou"] == scores["pixel_accuracy"] == scores["border"]["miou"] == 0
    assert set(scores["iou"].values()) <= {0.0, None}
    assert "diverged" not in result(Path(f"results/runs/synthetic/none/trial-1/{PEER}/0/scores.json"))
    with pytest.raises(
        BadInput, match=r"weights\.pt holds no weights: the loss is .* the learning rate 100.0 is too high"
    ):
        checkpoint.restore(folder / "weights.pt")
    job = graph.job(loaded, "train", dict(zip(graph.STAGES["train"].wildcards, folder.parts[2:], strict=True)))
    identity = tracked.identify(job, loaded, [], finished=True)
    logged = tracked.metrics(identity)
    assert logged["miou", 0] == 0 and logged["health/classes", 0] == 19
    assert all(np.isfinite(value) for value in logged.values())
    assert why in tracked.conditions(identity)["diverged"]


def test_if_every_trial_diverged_one_sentence_names_network_rates_and_what_to_do(workspace, high_rates_diverge):
    loaded = gridded(workspace, 100.0, 90.0)
    with pytest.raises(BadInput) as error:
        upto_training(loaded)
    assert str(error.value) == (
        f"{PEER} diverged at every rate that it was tried at (100.0, 90.0); "
        "name a recipe with a lower rate or a longer warmup in recipes.quick.training.learning_rate"
    )


@pytest.mark.parametrize("spoilt", ["decoder.classify.weight", "decoder.high.reduce.1.1.running_var"])
def test_weights_that_give_no_numbers_score_0_in_a_trial_and_are_an_error_elsewhere(tmp_path, spoilt):
    """Two networks are fused, so that each would be shown alone: there too no other error may come."""
    loaded, size = params.load(), (64, 64)
    variant = loaded.variants["d"]
    random = np.random.default_rng(0)
    frames = random.integers(0, 256, (2, *size, 3), np.uint8), random.integers(0, 3, (2, *size), np.uint8)
    write_prepared(tmp_path / "data", ["road", "car", "sky"], test=frames)
    made_for = {"variant": variant.model_dump(mode="json"), "classes": 3}
    model = build(made_for["variant"], 3)
    initialise(model, 0)
    state = model.state_dict()
    state[spoilt].fill_(torch.nan)
    weights.save(tmp_path / "weights.pt", {"made_for": made_for, "state": state})
    recipe = loaded.recipes["quick"].training.model_copy(update={"frame_size": size})
    arguments = loaded.evaluation, recipe, variant, tmp_path / "data", tmp_path / "weights.pt", tmp_path
    with pytest.raises(BadInput, match="gives scores that are not finite, because its training diverged; lower"):
        evaluate(*arguments)
    found = evaluate(*arguments, trial=True)
    assert found["miou"] == found["pixel_accuracy"] == 0 and "its training diverged" in found["diverged"]
    assert all(each["recall"] in (0, None) for each in found["objects"]["bins"])
    with np.load(tmp_path / "predictions.npz") as kept:
        assert len(kept["index"]) == 0, "what no network predicted is not shown"
