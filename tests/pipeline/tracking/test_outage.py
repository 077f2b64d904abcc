"""MLflow fails, hangs, is not there or returns: training goes on, and in the end nothing is missing."""

import socket
import time

import pytest

from pipeline.config.params import Params
from pipeline.graph import graph
from pipeline.utils.errors import BadInput
from tests.pipeline.tracking import tracked_study
from tests.pipeline.tracking.tracked_study import EPOCHS, curve, table, train, train_jobs, values, write_results

params = tracked_study.params


class Outage:
    """While `on`, every call of MLflow's client fails."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        from pipeline.tracking import live
        from pipeline.tracking.experiment import MlflowClient

        self.on, self.calls = False, 0
        monkeypatch.setattr(live, "PAUSE", 0)
        for name in ("get_experiment_by_name", "log_batch", "set_terminated"):
            monkeypatch.setattr(MlflowClient, name, self._failing(getattr(MlflowClient, name)))

    def _failing(self, method):
        from pipeline.tracking.experiment import MlflowException

        def call(*arguments, **named):
            self.calls += self.on
            if self.on:
                raise MlflowException("the server is gone")
            return method(*arguments, **named)

        return call


@pytest.fixture
def outage(params: Params, monkeypatch: pytest.MonkeyPatch) -> Outage:
    return Outage(monkeypatch)


def train_with(outage: Outage, params: Params, gone: set[int]) -> None:
    """A training without MLflow in the epochs `gone`, where -1 is its start and `EPOCHS` its end."""
    from pipeline.tracking.live import LiveRun

    job = train_jobs(params)[0]
    outage.on = -1 in gone
    run = LiveRun(job, params)
    for epoch, row in enumerate(curve("0")):
        outage.on = epoch in gone
        run.epoch(epoch, row)
    outage.on = EPOCHS in gone
    run.finish()
    outage.on = False


@pytest.mark.parametrize("gone", [{-1, 0}, {1}, {EPOCHS - 1}])
def test_a_server_that_returns_gets_what_it_missed(
    params: Params, outage: Outage, gone: set[int], caplog: pytest.LogCaptureFixture
) -> None:
    train_with(outage, params, gone)
    assert outage.calls and list(table().values()) == ["FINISHED"]
    logged = [values()[run, key, step] for run, key, step in sorted(values()) if key == "training/loss"]
    assert logged == [row["loss"] for row in curve("0")] and len(values()) == 3 * EPOCHS
    failed, answers = caplog.messages
    assert (
        "(the server is gone); training goes on and tries it again, and `python -m pipeline track quickstart`" in failed
    )
    assert answers == "MLflow at sqlite:///mlflow.db answers again; what it missed is logged"


def test_a_run_that_the_server_lost_begins_anew(params: Params, outage: Outage) -> None:
    from pipeline.tracking.experiment import MlflowClient, address
    from pipeline.tracking.live import LiveRun

    run, client = LiveRun(train_jobs(params)[0], params), MlflowClient(address())
    run.epoch(0, {"loss": 3.0})
    client.delete_run(client.search_runs(["1"])[0].info.run_id)
    run.epoch(1, {"loss": 2.0})
    run.epoch(2, {"loss": 1.0})
    run.finish()
    assert sorted(values().values()) == [1.0, 2.0] and list(table().values()) == ["FINISHED"]


def test_tracking_completes_a_run_whose_server_died(
    params: Params, outage: Outage, caplog: pytest.LogCaptureFixture
) -> None:
    from pipeline.tracking import track

    write_results(params)
    track.track(params, graph.jobs(params))
    undisturbed = values()
    train_with(outage, params, set(range(1, EPOCHS + 1)))
    assert len(caplog.messages) == 1 and values() != undisturbed
    track.track(params, graph.jobs(params))
    assert values() == undisturbed and set(table().values()) == {"FINISHED"}


def test_a_server_that_hangs_is_left_alone_after_its_first_silence(
    params: Params, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from pipeline.tracking.live import LiveRun

    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://me:secret@127.0.0.1:{silent.getsockname()[1]}")
        run, started = LiveRun(train_jobs(params)[0], params), time.monotonic()
        for epoch in range(50):
            run.epoch(epoch, {"loss": 1.0})
    assert time.monotonic() - started < 1
    (message,) = caplog.messages
    assert "(Read timed out. (read timeout=1)); training goes on" in message and "secret" not in message


def test_a_database_that_another_job_holds_is_tried_again(params: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipeline.tracking.experiment import MlflowClient, MlflowException, time

    refused = [MlflowException("(sqlite3.OperationalError) database is locked")] * 2
    log = MlflowClient.log_batch

    def log_at_last(*arguments: object, **named: object) -> None:
        if named.get("metrics") and refused:
            raise refused.pop()
        log(*arguments, **named)

    monkeypatch.setattr(MlflowClient, "log_batch", log_at_last)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    train(train_jobs(params)[0], params, range(EPOCHS))
    assert len(values()) == 3 * EPOCHS


def test_training_goes_on_without_its_tracking_server(
    params: Params, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    started = time.monotonic()
    train(train_jobs(params)[0], params, range(EPOCHS))
    (message,) = caplog.messages
    assert "http://127.0.0.1:9" in message and "training goes on" in message and "\n" not in message
    assert time.monotonic() - started < 30


@pytest.mark.parametrize("uri", ["http://127.0.0.1:9", "sqlite:///params.yaml"])
def test_tracking_and_its_ui_say_what_to_do_where_mlflow_fails(
    params: Params, monkeypatch: pytest.MonkeyPatch, uri: str
) -> None:
    from pipeline.tracking import track

    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    sentence = rf"MLflow at {uri} failed .*; start its server, or unset .* broken local file, delete it and run `python"
    with pytest.raises(BadInput, match=sentence):
        track.track(params, [])
    with pytest.raises(BadInput, match=sentence):
        track.serve(54321, params)
