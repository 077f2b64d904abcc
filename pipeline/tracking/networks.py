"""Trained networks as MLflow's logged models, which `mlflow.pyfunc.load_model` opens without this repository."""

import os
import shutil
import tempfile
import warnings
import zipfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
from mlflow import pyfunc
from mlflow.entities import LoggedModelOutput, Metric
from mlflow.models import Model, ModelSignature
from mlflow.types import Schema, TensorSpec

from pipeline.config import paths
from pipeline.tracking import datasets, tracked
from pipeline.tracking.experiment import Experiment
from pipeline.tracking.tracked import Identity

SWITCH = "TRACK_MODELS"
"""The environment variable that keeps networks out of MLflow if it is 0."""
LOADER = "pipeline.tracking.load_network"
ROOT = Path(__file__).parents[2]
DIGEST = "weights.sha256"


def keep(experiment: Experiment, run: str, identity: Identity, metrics: list[Metric]) -> None:
    """Log the run's network with the scores among `metrics`, unless MLflow has it or its weights are not here."""
    weights, digest = identity.job.folder / paths.WEIGHTS, tracked.weights_digest(identity)
    if os.environ.get(SWITCH) == "0" or "diverged" in tracked.scores(identity) or not tracked.is_here(weights):
        return
    for model in experiment.models(run):
        if model.tags.get(DIGEST) == digest and model.status == "READY":
            return
        experiment.client.delete_logged_model(model.model_id)
    names, tags = identity.job.wildcards, {DIGEST: digest}
    name = f"{names['variant']} seed {names['seed']}".replace(".", "-")
    id = experiment.client.create_logged_model(experiment.id, name, run, tags, identity.parameters).model_id
    with tempfile.TemporaryDirectory() as folder:
        _write(Path(folder), id, run, identity)
        experiment.client.log_model_artifacts(id, f"{folder}/model")
    experiment.client.log_outputs(run, [LoggedModelOutput(id, 0)])
    experiment.log(run, _of_model(id, run, identity, metrics))
    experiment.client.finalize_logged_model(id, "READY")


def _write(folder: Path, id: str, run: str, identity: Identity) -> None:
    """Write the network as MLflow keeps it: weights, the modules that open them, signature and requirements."""
    code, loader = folder / "code", Path(*LOADER.split(".")).with_suffix(".py")
    (code / loader).parent.mkdir(parents=True)
    shutil.copy(ROOT / loader, code / loader)
    with zipfile.ZipFile(code / "models.zip", "w") as archive:  # each file of a model is a request to MLflow's server
        for path in (ROOT / "models").rglob("*.py"):
            archive.write(path, path.relative_to(ROOT))
    with warnings.catch_warnings(action="ignore"):  # an example of an input would be larger than the weights
        pyfunc.save_model(
            folder / "model",
            loader_module=LOADER,
            data_path=str(identity.job.folder / paths.WEIGHTS),
            code_paths=[str(path) for path in code.iterdir()],
            mlflow_model=Model(model_id=id, run_id=run),
            signature=_signature(identity),
            pip_requirements=[f"{library}=={version(library)}" for library in ("mlflow", "numpy", "torch")],
        )


def _signature(identity: Identity) -> ModelSignature:
    """Normalised images of the size that the network was scored with, to class scores of the same size."""
    scored = tracked.scores(identity)
    tensors = (TensorSpec(np.dtype("float32"), (-1, depth, *scored["input_size"])) for depth in (3, len(scored["iou"])))
    return ModelSignature(*(Schema([tensor]) for tensor in tensors))


def _of_model(id: str, run: str, identity: Identity, metrics: list[Metric]) -> list[Metric]:
    """Return the scores among the run's `metrics` as those of its model on the data set that it was scored on."""
    scores, known = tracked.scores_of(tracked.scores(identity)), {"model_id": id, "run_id": run}
    for data in (each.dataset for each in datasets.inputs(identity)[1:]):
        known |= {"dataset_name": data.name, "dataset_digest": data.digest}
    return [Metric(each.key, each.value, each.timestamp, each.step, **known) for each in metrics if each.key in scores]
