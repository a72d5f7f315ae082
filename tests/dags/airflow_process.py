"""Airflow as the tests run it: processes with a home, a store and inputs of their own."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path

import psutil

from tests.jobs.databases import everything

REPOSITORY = Path(__file__).resolve().parents[2]
DAGS = REPOSITORY / "dags"


def environment(folder: Path, **more: str) -> dict[str, str]:
    """The environment of an Airflow and a store that live in the folder, and nothing of the caller's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TX_", "AIRFLOW"))}
    scripts = str(Path(sys.executable).parent)
    return kept | {
        "PATH": f"{scripts}{os.pathsep}{kept['PATH']}",
        "AIRFLOW_HOME": str(folder / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        # Where a triggerer finds what waits there.
        "PYTHONPATH": str(DAGS),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": "2",
        "TX_SQLITE_DB": str(folder / "transactions.db"),
        "TX_CLUSTERS_DB": str(folder / "transactions_clusters.db"),
        "TX_STAGING_DIR": str(folder / "staging"),
        "TX_MODEL_DIR": str(folder / "model"),
        # Choosing k by silhouette takes most of a small run's time and isn't what these tests are about.
        "TX_CLUSTERS_K": "3",
        **more,
    }


def finished(command: list[str], env: Mapping[str, str], cwd: Path = REPOSITORY) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; stdout and stderr are one text, as on a terminal."""
    return subprocess.run(
        command, env=env, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )


def content(folder: Path) -> dict[str, dict[str, list[str]]]:
    """What stands in the folder's store."""
    return {file.name: everything(f"sqlite:///{file}") for file in sorted(folder.glob("transactions*.db"))}


def query(file: Path, sql: str) -> list[tuple[object, ...]]:
    """The rows of a query."""
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as store:
        return store.execute(sql).fetchall()


def wait_for[T](found: Callable[[], T | None], seconds: float, what: str) -> T:
    """The first true answer of a poll, within a deadline; on a busy machine that is a minute at least."""
    began = time.monotonic()
    deadline = began + max(seconds, 60)
    while time.monotonic() < deadline:
        if answer := found():
            return answer
        # A question costs whom it asks something, too.
        time.sleep(0.2 if time.monotonic() < began + 10 else 1)
    raise AssertionError(f"waited {max(seconds, 60):.0f} s in vain for {what}")


def processes(marker: str) -> Iterator[psutil.Process]:
    """The living processes that carry AIRFLOW_HOME=marker in their environment, whoever their parent is."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.status() != psutil.STATUS_ZOMBIE and process.environ().get("AIRFLOW_HOME") == marker:
                yield process


def end(process: subprocess.Popen[bytes], marker: str) -> list[str]:
    """End Airflow as Ctrl-C does; kill what still lives half a minute later and say what that was."""
    process.send_signal(signal.SIGINT)
    with suppress(subprocess.TimeoutExpired):
        process.wait(60)
    with suppress(AssertionError):
        wait_for(lambda: not list(processes(marker)), 15, "the end of all processes")
    left = []
    for straggler in processes(marker):
        with suppress(psutil.Error):
            left.append(" ".join(straggler.cmdline()))
            straggler.kill()
    process.wait()
    return left
