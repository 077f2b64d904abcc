"""The command that opens MLflow's UI, and the runs table in a real browser."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from pipeline.config.params import Params, load
from pipeline.graph import graph
from pipeline.utils.errors import BadInput
from tests import chromium
from tests.pipeline.tracking import tracked_study as made

params = made.params
browser = chromium.browser


@pytest.fixture
def address(params: Params, tmp_path: Path) -> Iterator[str]:
    """What the command prints, for a study of four tracked runs, one of them superseded by one that trains."""
    from pipeline.tracking import track

    made.write_results(params)
    track.track(params, graph.jobs(params))
    changed = made.write_study(tmp_path, learning_rate=0.05)
    made.train(made.train_jobs(changed)[0], changed, range(2), status=None)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "pipeline", "ui", "--port", str(port)]
    with subprocess.Popen(command, env=made.environment(), stdout=subprocess.PIPE, text=True) as server:
        yield next(word for word in server.stdout.readline().split() if word.startswith("http"))
        server.terminate()


def shown(browser: webdriver.Chrome) -> str:
    return browser.find_element(By.TAG_NAME, "body").text


@pytest.mark.timeout(600)
def test_the_table_shows_the_runs_of_the_study(browser: webdriver.Chrome, address: str, tmp_path: Path) -> None:
    names = list(made.table())
    assert len(names) == 5
    wait = WebDriverWait(browser, 240, ignored_exceptions=[WebDriverException])
    wait.until(lambda chrome: chrome.get(address) is None)
    wait.until(lambda chrome: all(name in shown(chrome) for name in names))
    browser.save_screenshot(str(tmp_path / "table.png"))
    assert "superseded · single · seed 0" in shown(browser) and "training.learning_rate 0.1 -> 0.05" in shown(browser)
    assert "miou" in shown(browser)


@pytest.mark.parametrize("port", [0, 65536])
def test_a_port_that_does_not_exist_is_refused(port: int) -> None:
    from pipeline.tracking import track

    with pytest.raises(BadInput, match=f"port {port} is invalid; it must be from 1 to 65535; choose another"):
        track.serve(port, load())


def test_a_port_in_use_is_named(params: Params) -> None:
    from pipeline.tracking import track

    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(BadInput, match=f"port {port} on 127.0.0.1 .*in use.*; stop the program .* --port 5001"):
            track.serve(port, params)
