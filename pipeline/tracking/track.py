"""Tracks runs in MLflow: one experiment per data set, one run per variant, seed and parameter hash.

A run begins with its training and is updated every epoch. `track` completes it from the result files, which are
authoritative: a run with other values is replaced, and a lost database is rebuilt.
"""

import json
import math
import os
import socket
import sys
from collections import Counter
from functools import partial
from typing import Any
from urllib.parse import quote

from pipeline.config.params import Params
from pipeline.graph.graph import Job
from pipeline.tracking import networks, tracked
from pipeline.tracking.experiment import Experiment, Metric, address, explained, locked, patiently, shown, uri
from pipeline.tracking.tracked import Identity, Metrics
from pipeline.utils import records
from pipeline.utils.errors import BadInput

HOST = "127.0.0.1"
NAME, WHEN = "attributes.`Run Name`", "runDateAndNestInfo"
"""MLflow's internal names of the columns that its UI always shows."""
SUPERSEDED = "tags.`superseded_because`"
COLUMNS = (
    "metrics.`miou`",
    "metrics.`pixel_accuracy`",
    "metrics.`training/loss`",
    "metrics.`complexity/gmacs`",
    "params.`training.epochs`",
    "tags.`conditions.device`",
    SUPERSEDED,
    "attributes.`Dataset`",
    "attributes.`Models`",
)


def track(params: Params, jobs: list[Job]) -> dict[str, Any]:
    """Complete the run of every train job in `jobs` from its result files.

    Raises `BadInput` if MLflow fails or a result file is missing.
    """
    data, study = params.study.data, params.study.name
    trained = [job for job in jobs if job.stage == "train"]
    for job in trained:
        records.read(job.record)  # before the database is opened, which makes one where there is none
    with explained(study):
        experiment, among, runs = Experiment(data), tracked.known_studies(params), {}
        for job in trained:
            identity = tracked.identify(job, params, among, finished=True)
            name = f"{job.wildcards['variant']}/{job.wildcards['seed']}"
            runs[name] = patiently(partial(_complete, experiment, identity))
        experiment.keep_in(study, set(runs.values()))
    return {"uri": shown(), "experiments": {data: experiment.id}, "runs": runs}


def serve(port: int, params: Params) -> None:
    """Print where the study's runs are, and serve MLflow's UI on this machine until Ctrl-C.

    Raises `BadInput` if MLflow fails or the port cannot be opened.
    """
    study = params.study.name
    _check_free(port)
    with explained(study):
        table = _table(Experiment(params.study.data), study)
    if uri().startswith("http"):
        print(f"the runs of {study} are at {shown()}/{table}, in the UI of the server that MLFLOW_TRACKING_URI names")
        return
    print(
        f"the runs of {study} appear within ten seconds at http://{HOST}:{port}/{table} (Ctrl-C to stop)",
        flush=True,
    )
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", address(), "--workers", "1"]
    command += ["--no-serve-artifacts", "--default-artifact-root", "mlruns", "--host", HOST, "--port", str(port)]
    command += ["--uvicorn-opts", "--log-level warning"]
    os.execve(sys.executable, command, {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"})


def _complete(experiment: Experiment, identity: Identity) -> str:
    """Make the run hold exactly the values of the result files; return its id."""
    wanted, client = tracked.metrics(identity), experiment.client
    started, ended = tracked.span(identity)
    count = Counter(name for name, _ in wanted)
    with locked():
        run = experiment.find(identity)
        found = experiment.history(run, {name for name in count if count[name] > 1}) if run else {}
        if run and not _agree(found, wanted):
            experiment.delete(run.info.run_id)
            run, found = None, {}
        id = experiment.begin(identity, run, started)
    values = [
        Metric(name, value, started + (ended - started) * (epoch + 1) // count[name], epoch)
        for (name, epoch), value in wanted.items()
    ]
    experiment.log(id, [value for value in values if (value.key, value.step) not in found])
    experiment.tag(id, tracked.conditions(identity))
    networks.keep(experiment, id, identity, values)
    for study, path in tracked.figures(identity):
        client.log_artifact(id, str(path), f"figures/{study}")
    for name, picture in tracked.pictures(identity):
        client.log_image(id, picture, artifact_file=f"pictures/{name}.png")
    client.set_terminated(id, end_time=(run and run.info.end_time) or ended)
    return id


def _agree(found: dict[tuple[str, int], list[float]], wanted: Metrics) -> bool:
    """Return whether every logged value is in the files, and those of curves were logged only once."""
    return all(
        key in wanted and len(values) == 1 and math.isclose(values[0], wanted[key]) for key, values in found.items()
    )


def _table(experiment: Experiment, study: str) -> str:
    """Return the UI path of the study's runs with the columns that matter, stored as the Share button stores a view."""
    view = {"searchFilter": f"tags.`study.{study}` LIKE '%'", "selectedColumns": COLUMNS}
    view |= {"orderByKey": "attributes.`run_name`", "orderByAsc": True, "columnOrder": [NAME, WHEN, *COLUMNS]}
    view["columnWidths"] = {NAME: 300, WHEN: 140, COLUMNS[3]: 150, SUPERSEDED: 300}
    experiment.client.set_experiment_tag(experiment.id, f"mlflow.sharedViewState.{study}", json.dumps(view))
    return f"#/experiments/{experiment.id}/runs?workflowType=machine_learning&viewStateShareKey={quote(study)}"


def _check_free(port: int) -> None:
    other = "choose another port, e.g. `python -m pipeline ui --port 5001`"
    if not 0 < port < 65536:
        raise BadInput(f"port {port} is invalid; it must be from 1 to 65535; {other}")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise BadInput(
                f"port {port} on {HOST} cannot be opened ({error.strerror}); stop the program that uses it, or {other}"
            ) from None
