"""Wraps MLflow: where its server or database is, and the operations on an experiment's runs."""

import contextlib
import logging
import os
import re
import time
from collections import defaultdict
from collections.abc import Callable, Container, Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock
from mlflow import MlflowClient
from mlflow.entities import LoggedModel, Metric, Param, Run, RunTag
from mlflow.exceptions import MlflowException
from requests import RequestException
from sqlalchemy.exc import SQLAlchemyError

from pipeline.config import paths
from pipeline.tracking import datasets
from pipeline.tracking.tracked import Identity
from pipeline.utils.errors import BadInput

logging.getLogger("urllib3").setLevel(logging.ERROR)

DEFAULT = "sqlite:///mlflow.db"
BATCH = 1000
"""Largest number of values that MLflow accepts in one call."""


def uri() -> str:
    """Return MLFLOW_TRACKING_URI or, if it is not set, a database in the root of the repository."""
    return os.environ.get("MLFLOW_TRACKING_URI") or DEFAULT


def shown() -> str:
    """Return `uri` without a user name and password, for messages and records."""
    return _without_password(uri())


def reason(error: Exception) -> str:
    """Return the first line of an error or, of a connection's, the part that says why there is none."""
    line = (str(error).splitlines() or [type(error).__name__])[0]
    cause = re.search(r'Caused by \w+\("[^"]*?\): ([^"]+)|Caused by (.+)', line)
    return _without_password(next(filter(None, cause.groups())) if cause else line)[:200].strip()


def _without_password(text: str) -> str:
    return re.sub(r"//[^/\s]*@", "//", text)


def address() -> str:
    """Return `uri` with an absolute path: MLflow caches connections by name, regardless of the working directory."""
    file = uri().removeprefix("sqlite:///")
    return uri() if file == uri() else f"sqlite:///{Path(file).absolute()}"


@contextlib.contextmanager
def explained(study: str) -> Iterator[None]:
    """Turn a failure of MLflow or of its artifact store into one sentence (`BadInput`)."""
    try:
        yield
    except (MlflowException, SQLAlchemyError, RequestException, ImportError) as error:
        raise BadInput(
            f"MLflow at {shown()} failed ({reason(error)}); start its server, or unset MLFLOW_TRACKING_URI; if it is a "
            f"broken local file, delete it and run `python -m pipeline track {study}` to rebuild it"
        ) from error


def locked() -> FileLock:
    """Return a lock for operations that only one process at a time may perform."""
    path = paths.WORK / "locks" / "mlflow.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(path)


def patiently(action: Callable[[], Any]) -> Any:
    """Call an idempotent `action`, and retry while another process locks the database or adds the same row."""
    for pause in (0.5, 2, 5):
        try:
            return action()
        except MlflowException as error:
            if not re.search("database is locked|UniqueViolation|UNIQUE constraint|Duplicate entry", str(error)):
                raise
            time.sleep(pause)
    return action()


def _make_database() -> None:
    """Create a fresh SQLite database by rename, because a process killed during its setup would leave it broken."""
    file = Path(address().partition("?")[0].removeprefix("sqlite:///"))
    if address().startswith("sqlite:///") and not file.exists():
        temporary = file.with_name(f"{file.name}.{os.getpid()}")
        MlflowClient(f"sqlite:///{temporary}").search_experiments(max_results=1)
        os.replace(temporary, file)


class Experiment:
    """The MLflow experiment of a data set, created if it does not exist."""

    def __init__(self, data: str):
        # Two processes that open a fresh database at once break it. A server makes its own, and if it hangs, processes
        # must not wait for each other as well.
        with contextlib.nullcontext() if uri().startswith("http") else locked():
            _make_database()
            self.client = MlflowClient(address())
            self.id: str = self._find_or_create(data)

    def _find_or_create(self, data: str) -> str:
        found = self.client.get_experiment_by_name(data)
        if found and found.lifecycle_stage == "deleted":
            self.client.restore_experiment(found.experiment_id)
        if found:
            return found.experiment_id
        try:
            return self.client.create_experiment(data, tags={"mlflow.experimentKind": "custom_model_development"})
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":  # another process was faster
                raise
            return self._find_or_create(data)

    def find(self, identity: Identity) -> Run | None:
        """Return the run with the same folder and parameters, or None."""
        return next((run for run in self._same(identity) if run.data.tags["parameter_hash"] == identity.digest), None)

    def begin(self, identity: Identity, run: Run | None = None, started: int | None = None) -> str:
        """Create a run or resume `run`, mark the other runs of its folder as superseded, and return its id."""
        tags = {f"study.{study}": "true" for study in identity.studies}
        tags |= {"folder": str(identity.job.folder), "parameter_hash": identity.digest}
        tags |= {"mlflow.source.name": identity.job.command, "mlflow.source.type": "LOCAL"}
        if run is None:
            run = self.client.create_run(self.id, started, tags, identity.name)
        id: str = run.info.run_id
        self.client.update_run(id, "RUNNING", identity.name)
        for key in {"superseded_by", "superseded_because"} & run.data.tags.keys():
            self.client.delete_tag(id, key)
        parameters = [Param(key, value) for key, value in identity.parameters.items()]
        self.client.log_batch(id, params=parameters)
        self.client.log_inputs(id, datasets=datasets.inputs(identity))
        self.tag(id, tags)
        for other in self._same(identity):
            if other.info.run_id != id and other.data.tags.get("superseded_by") != id:
                self._supersede(other, id, identity)
        return id

    def log(self, id: str, metrics: list[Metric]) -> None:
        """Log any number of values, in batches."""
        for first in range(0, len(metrics), BATCH):
            self.client.log_batch(id, metrics=metrics[first : first + BATCH])

    def tag(self, id: str, tags: dict[str, str]) -> None:
        """Set tags of a run."""
        self.client.log_batch(id, tags=[RunTag(key, value) for key, value in tags.items()])

    def models(self, id: str) -> list[LoggedModel]:
        """Return the logged models of a run."""
        return list(self.client.search_logged_models([self.id], f"source_run_id = '{id}'"))

    def delete(self, id: str) -> None:
        """Delete a run and its logged models."""
        for model in self.models(id):
            self.client.delete_logged_model(model.model_id)
        self.client.delete_run(id)

    def history(self, run: Run, curves: Container[str]) -> dict[tuple[str, int], list[float]]:
        """Return the logged values by name and epoch: all values of `curves`, and the last of others, at epoch 0.

        Each curve is a request.
        """
        values = defaultdict(list, {(key, 0): [value] for key, value in run.data.metrics.items() if key not in curves})
        for key in (key for key in run.data.metrics if key in curves):
            for metric in self.client.get_metric_history(run.info.run_id, key):
                values[key, metric.step].append(metric.value)
        return values

    def keep_in(self, study: str, ids: set[str]) -> None:
        """Remove the study's tag from every run that is not in `ids`."""
        for run in self.client.search_runs([self.id], f"tags.`study.{study}` = 'true'"):
            if run.info.run_id not in ids:
                self.client.delete_tag(run.info.run_id, f"study.{study}")

    def _same(self, identity: Identity) -> list[Run]:
        return list(self.client.search_runs([self.id], f"tags.folder = '{identity.job.folder}'"))

    def _supersede(self, old: Run, new: str, identity: Identity) -> None:
        before, now = old.data.params, identity.parameters
        changed = [key for key in sorted(before | now) if before.get(key) != now.get(key)]
        because = ", ".join(f"{key} {before.get(key)} -> {now.get(key)}" for key in changed)
        tags = {key: "superseded" for key in old.data.tags if key.startswith("study.")}
        self.tag(old.info.run_id, {**tags, "superseded_by": new, "superseded_because": because[:5000]})
        status = "KILLED" if old.info.status == "RUNNING" else old.info.status
        name = (old.info.run_name or "").removeprefix("superseded · ")
        self.client.update_run(old.info.run_id, status, f"superseded · {name}")
