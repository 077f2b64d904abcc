"""Data sets and networks, read back by MLflow's own functions."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from models.build import build
from pipeline.config.params import Params
from pipeline.evaluation import evaluate
from pipeline.utils import pointers, records, weights
from pipeline.utils.digests import digest, sha256_of_json
from tests.pipeline.tracking import tracked_study
from tests.pipeline.tracking.tracked_study import train, train_jobs, write_results

params = tracked_study.params


def tracked_run(params: Params):
    """The run of the first training, and its logged models."""
    from mlflow import MlflowClient

    from pipeline.tracking import track
    from pipeline.tracking.experiment import address

    id = track.track(params, train_jobs(params)[:1])["runs"]["single/0"]
    client = MlflowClient(address())
    return client.get_run(id), client.search_logged_models(["1"], f"source_run_id = '{id}'")


def test_a_run_names_the_frames_it_is_trained_and_scored_on(params: Params) -> None:
    import mlflow

    write_results(params)
    train(train_jobs(params)[0], params, range(1))
    run, models = tracked_run(params)
    used = {entry.tags[0].value: entry.dataset for entry in run.inputs.dataset_inputs}
    assert {context: data.name for context, data in used.items()} == {
        "training": "synthetic/train", "evaluation": "synthetic/test",
    }  # fmt: skip
    splits = json.loads(Path("data/prepared/synthetic/manifest.json").read_text())["result"]["splits"]
    assert used["evaluation"].digest == sha256_of_json([splits["test"]["sha256"]])[:12] != used["training"].digest
    assert mlflow.data.get_source(used["training"]).to_dict() == {"uri": "data/prepared/synthetic"}
    assert json.loads(used["training"].profile)["num_rows"] == 2
    assert not models


def test_a_network_that_mlflow_opens_gives_the_scores_of_its_weights(
    params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import pyfunc

    monkeypatch.delenv("TRACK_MODELS")
    write_results(params)
    made_for = {"variant": params.variants["single"].network, "classes": 2}
    torch.manual_seed(0)
    path = train_jobs(params)[0].folder / "weights.pt"
    weights.save(path, {"made_for": made_for, "state": build(made_for["variant"], 2).state_dict()})
    run, (model,) = tracked_run(params)
    images = torch.rand(2, 3, 128, 256)
    network = pyfunc.load_model(model.artifact_location)
    with torch.inference_mode():
        expected = evaluate.load(params.variants["single"], 2, path)(images.to(memory_format=torch.channels_last))
    assert np.array_equal(network.predict(images.numpy()), expected.numpy())
    assert network.metadata.signature.outputs.inputs[0].shape == (-1, 2, 128, 256)
    assert model.status == "READY" and [output.model_id for output in run.outputs.model_outputs] == [model.model_id]
    scores = {each.key: (each.value, each.dataset_name) for each in model.metrics}
    assert scores["miou"] == (0.4, "synthetic/test") and scores["iou/road"] == (0.8, "synthetic/test")
    assert [each.model_id for each in tracked_run(params)[1]] == [model.model_id]
    record = train_jobs(params)[0].record
    other_weights = json.loads(record.read_text().replace(model.tags["weights.sha256"], "0" * 64))
    record.write_text(json.dumps(records.sealed(other_weights)))
    (other,) = tracked_run(params)[1]
    assert other.model_id != model.model_id and other.tags["weights.sha256"] == "0" * 64


def test_weights_and_arrays_that_were_left_elsewhere_are_not_logged(
    params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TRACK_MODELS")
    write_results(params)
    for path in (train_jobs(params)[0].folder / "weights.pt", Path("data/prepared/synthetic/test.images.npy")):
        path.write_bytes(pointers.text(digest(path)))
    run, models = tracked_run(params)
    assert not models and run.data.metrics["miou"] == 0.4
    assert not Path(run.info.artifact_uri, "pictures").exists()
