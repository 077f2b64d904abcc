"""The frames that a run is trained and scored on, as MLflow's data sets."""

import json

from mlflow.entities import Dataset, DatasetInput, InputTag

from pipeline.config import paths
from pipeline.data.reader import Prepared
from pipeline.tracking.tracked import Identity
from pipeline.utils.digests import sha256_of_json

CONTEXT = "mlflow.data.context"
"""The tag in which MLflow's pages look for what a data set was used for."""


def inputs(identity: Identity) -> list[DatasetInput]:
    """Return what the run is trained on and what it is scored on, in this order; nothing if the data is missing."""
    name, training = identity.job.wildcards["data"], identity.training
    folder = paths.fill(paths.PREPARED, data=name)
    if not (folder / "manifest.json").exists():
        return []
    prepared, used = (
        Prepared(folder, "segmentation"),
        {"training": training["splits"], "evaluation": [training["score"]]},
    )
    return [
        DatasetInput(_dataset(prepared, name, splits), [InputTag(CONTEXT, context)]) for context, splits in used.items()
    ]


def _dataset(prepared: Prepared, name: str, splits: list[str]) -> Dataset:
    """Return splits of a data set.

    The digest is that of the checksums of their arrays in the manifest, so equal pixels have equal digests on every
    machine.
    """
    entries = [prepared.splits[split] for split in splits]
    count, size = sum(entry["count"] for entry in entries), entries[0]["size"]
    tensors = {"features": _tensor([-1, *size, 3]), "targets": _tensor([-1, *size])}
    profile = {"num_rows": count, "frame_size": size, "classes": [entry.name for entry in prepared.classes]}
    return Dataset(
        name=f"{name}/{'+'.join(splits)}",
        digest=sha256_of_json([entry["sha256"] for entry in entries])[:12],
        source_type="local",
        source=json.dumps({"uri": str(prepared.folder)}),
        schema=json.dumps({"mlflow_tensorspec": tensors}),
        profile=json.dumps(profile),
    )


def _tensor(shape: list[int]) -> str:
    return json.dumps([{"type": "tensor", "tensor-spec": {"dtype": "uint8", "shape": shape}}])
