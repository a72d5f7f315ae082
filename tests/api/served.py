"""The scorer as it is served: gunicorn with workers, in a process of its own."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def environment(folder: Path, database: str, **more: str) -> dict[str, str]:
    """The environment of processes on a store, with nothing of the caller's settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TX_", "OPENAI_"))}
    where = (
        {"TX_SQLITE_DB": database.removeprefix("sqlite:///")}
        if database.startswith("sqlite")
        else {"TX_DATABASE_URL": database}
    )
    return kept | {
        **where,
        "TX_CLUSTERS_DB": str(folder / "transactions_clusters.db"),
        "TX_CSV_PATH": str(folder / "data" / "transactions_data.csv"),
        "TX_LABELS_PATH": str(folder / "data" / "train_fraud_labels.json"),
        "TX_STAGING_DIR": str(folder / "staging"),
        "TX_SPARK_MEMORY": "1g",
        "TX_API_WORKERS": "3",
        "TX_ENV": "development",
        **more,
    }


@contextmanager
def served(folder: Path, env: Mapping[str, str]) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The scorer's address and gunicorn's process; it is told to end with SIGTERM, and must."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "--config", "python:api.gunicorn", "api.main:app"]
    with (folder / "scorer.log").open("wb") as log:
        process = subprocess.Popen(
            command, env={**env, "TX_API_BIND": f"127.0.0.1:{port}"}, stdout=log, stderr=subprocess.STDOUT
        )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 180
        while not ready(url):
            assert process.poll() is None, (folder / "scorer.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield url, process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(40)
        except subprocess.TimeoutExpired:
            for child in psutil.Process(process.pid).children():
                child.kill()
            process.kill()
            raise


def ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def workers(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children()
