"""A shared MLflow as a laboratory has it: its server, Postgres behind it, and an S3 that takes the artifacts."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

BUCKET = "laboratory"
AWS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}


def missing() -> str:
    """What is not installed, in words; empty if all is there."""
    packages = [name for name in ("psycopg2", "boto3", "moto", "flask_cors") if not find_spec(name)]
    programs = [] if _postgres("initdb") else ["Debian's package postgresql"]
    return ", ".join(programs + packages)


class Server:
    """MLflow's server, which can be killed and started again. `store` is the object store of its artifacts, if any."""

    def __init__(self, database: str, artifacts: str, log: Path, store: str = ""):
        self.port, self.database, self.artifacts, self.log, self.store = free_port(), database, artifacts, log, store
        self.uri = f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", self.database, "--serve-artifacts"]
        command += ["--artifacts-destination", self.artifacts, "--host", "127.0.0.1", "--port", str(self.port)]
        settings = AWS | {"MLFLOW_S3_ENDPOINT_URL": self.store, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        environment = {**os.environ, **settings, "MLFLOW_DISABLE_TELEMETRY": "true"}
        environment.pop("MLFLOW_TRACKING_URI", None)
        with self.log.open("a") as log:
            self._process = subprocess.Popen(
                [*command, "--workers", "2"], env=environment, stdout=log, stderr=log, start_new_session=True
            )
        wait_until(lambda: urllib.request.urlopen(f"{self.uri}/health", timeout=5).status == 200)

    def kill(self) -> None:
        """Kill the server and its workers, as a machine that loses its power does."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


@contextlib.contextmanager
def running(log: Path) -> Iterator[Server]:
    """A server on a fresh database and an empty store."""
    with postgres() as database, object_store(log) as store:
        server = Server(database, f"s3://{BUCKET}/runs", log, store)
        server.start()
        try:
            yield server
        finally:
            server.kill()


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """A fresh Postgres; gives its address. Postgres does not run as root, and pytest's folders are closed to others."""
    port, user = free_port(), ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        if user:
            shutil.chown(folder, "postgres")

        def run(program: str, *arguments: str) -> None:
            command = [*user, _postgres(program), "-D", f"{folder}/data", *arguments]
            subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, check=True)

        run("initdb", "-A", "trust", "-N", "-U", "study")
        run("pg_ctl", "-o", f"-p {port} -k {folder} -h 127.0.0.1 -F", "-l", f"{folder}/log", "-w", "start")
        try:
            yield f"postgresql://study@127.0.0.1:{port}/postgres"
        finally:
            run("pg_ctl", "-m", "immediate", "stop")


@contextlib.contextmanager
def object_store(log: Path) -> Iterator[str]:
    """moto's S3 with an empty bucket; gives its address."""
    port = free_port()
    with (
        log.open("a") as output,
        subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-p", str(port)], stdout=output, stderr=output
        ) as process,
    ):
        try:
            address = f"http://127.0.0.1:{port}"
            wait_until(lambda: client(address).create_bucket(Bucket=BUCKET))
            yield address
        finally:
            process.kill()


def client(store: str):
    """A client of the object store."""
    import boto3

    keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
    return boto3.client("s3", endpoint_url=store, **keys)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def wait_until(answers: Callable[[], object], seconds: float = 240) -> None:
    for _ in range(round(seconds / 0.2)):
        with contextlib.suppress(Exception):
            if answers():
                return
        time.sleep(0.2)
    pytest.fail(f"no answer within {seconds} s")


def _postgres(program: str) -> str | None:
    """Debian keeps Postgres's programs off the path."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"))
    return shutil.which(program) or (str(found[-1]) if found else None)
