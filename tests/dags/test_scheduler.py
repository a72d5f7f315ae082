"""The DAG under a real Airflow (scheduler, DAG processor, API server), driven through its REST API."""

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from data.generate import generate
from tests.dags.airflow_process import content, end, environment, finished, processes, query, wait_for

pytestmark = pytest.mark.alone
_ROWS = 2000
_START_SECONDS = 240
_RUN_SECONDS = 500
_DAG = "/api/v2/dags/transactions_ingest"
_FOLLOWS = "/api/v2/dags/transactions_decide"


@dataclass(frozen=True)
class Airflow:
    """A running Airflow: its folder, its AIRFLOW_HOME, a client that has signed in."""

    folder: Path
    home: str
    api: httpx.Client

    def get(self, path: str) -> Any:
        return self.api.get(path).raise_for_status().json()

    def trigger(self, run_id: str) -> None:
        asked = {"dag_run_id": run_id, "logical_date": None}
        self.api.post(f"{_DAG}/dagRuns", json=asked).raise_for_status()

    def finished(self, run_id: str) -> dict[str, Any]:
        """The run, when it has come to its end."""

        def over() -> dict[str, Any] | None:
            run: dict[str, Any] = self.get(f"{_DAG}/dagRuns/{run_id}")
            return run if run["state"] in ("success", "failed") else None

        return wait_for(over, _RUN_SECONDS, f"the end of the run {run_id}")

    def followed(self, runs: int) -> None:
        """Wait until so many runs of what follows an ingest have come to a good end."""

        def over() -> bool:
            states = [run["state"] for run in self.get(f"{_FOLLOWS}/dagRuns")["dag_runs"]]
            assert "failed" not in states
            return states == ["success"] * runs

        wait_for(over, _RUN_SECONDS, "the decisions that follow an ingest")


def _free_ports(count: int) -> list[str]:
    sockets = [socket.create_server(("localhost", 0)) for _ in range(count)]
    ports = [str(each.getsockname()[1]) for each in sockets]
    for each in sockets:
        each.close()
    return ports


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airflow]:
    folder = tmp_path_factory.mktemp("standalone")
    generate(_ROWS, 2, folder / "data")
    api, worker_logs, trigger_logs = _free_ports(3)
    env = environment(
        folder,
        AIRFLOW__API__HOST="localhost",
        AIRFLOW__API__PORT=api,
        # Where tasks report to: the port alone doesn't move it.
        AIRFLOW__API__BASE_URL=f"http://localhost:{api}",
        AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT=worker_logs,
        AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT=trigger_logs,
        TX_CSV_PATH=str(folder / "data" / "transactions_data.csv"),
        TX_LABELS_PATH=str(folder / "data" / "train_fraud_labels.json"),
    )
    home = env["AIRFLOW_HOME"]
    for command in (["db", "migrate"], ["pools", "set", "fraudstack_store", "1", "The turn on the store"]):
        done = finished([sys.executable, "-m", "airflow", *command], env)
        assert done.returncode == 0, done.stdout
    with (folder / "log").open("wb") as log:
        command = [sys.executable, "-m", "airflow", "standalone"]
        process = subprocess.Popen(command, env=env, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        with httpx.Client(base_url=f"http://localhost:{api}", timeout=60) as client:
            running = Airflow(folder, home, client)
            wait_for(_ready(running), _START_SECONDS, f"Airflow to start, see {folder / 'log'}")
            yield running
    finally:
        left = end(process, home)
    assert left == []


def _ready(airflow: Airflow) -> Callable[[], bool]:
    """A poll that signs in as soon as it can and is true once the DAG can be run."""

    def ready() -> bool:
        try:
            health = airflow.get("/api/v2/monitor/health")
            if "Authorization" not in airflow.api.headers:
                passwords = Path(airflow.home) / "simple_auth_manager_passwords.json.generated"
                admin = {"username": "admin", "password": json.loads(passwords.read_text())["admin"]}
                token = airflow.api.post("/auth/token", json=admin).raise_for_status().json()
                airflow.api.headers["Authorization"] = f"Bearer {token['access_token']}"
            # 404 until the DAG processor has read the folder.
            dag = airflow.api.get(_DAG)
        except httpx.HTTPError:
            return False
        return health["scheduler"]["status"] == "healthy" and dag.is_success

    return ready


@pytest.fixture(scope="module")
def first(airflow: Airflow) -> dict[str, Any]:
    """The first run on an empty store, at its end."""
    airflow.trigger("first")
    run = airflow.finished("first")
    assert run["state"] == "success"
    return run


def test_the_dag_is_not_paused_and_its_form_explains_the_inputs(airflow: Airflow) -> None:
    details = airflow.get(f"{_DAG}/details")
    assert details["is_paused"] is False
    assert all(details["params"][name]["description"] for name in ("csv", "labels"))


@pytest.mark.usefixtures("first")
def test_a_triggered_run_fills_the_store(airflow: Airflow) -> None:
    store = airflow.folder / "transactions.db"
    assert query(store, "SELECT count(*) FROM transactions") == [(_ROWS,)]
    assert query(store, "SELECT step FROM ingest_runs WHERE run_id = 'first' ORDER BY started_at") == [
        (step,) for step in ("clean", "label", "follow", "profiles", "cluster")
    ]


@pytest.mark.usefixtures("first")
def test_decisions_of_the_history_follow_an_ingest(airflow: Airflow) -> None:
    airflow.followed(1)
    store = airflow.folder / "transactions.db"
    assert query(store, "SELECT source, count(*) FROM decisions GROUP BY source") == [("batch", _ROWS)]
    assert query(store, "SELECT count(*) FROM transactions WHERE flagged_fraud IS NOT NULL") == [(0,)]


def test_a_tasks_log_has_the_jobs_lines_and_its_xcom_the_summary(airflow: Airflow, first: dict[str, Any]) -> None:
    task = f"{_DAG}/dagRuns/{first['dag_run_id']}/taskInstances/clean"
    lines = [line["event"] for line in airflow.get(f"{task}/logs/1")["content"]]
    assert any(line.startswith("clean: load: ") for line in lines)
    summary = airflow.get(f"{task}/xcomEntries/return_value")["value"]
    assert (summary["rows_in"], summary["loaded"]) == (_ROWS, _ROWS)


@pytest.mark.usefixtures("first")
def test_runs_triggered_at_once_follow_one_another_and_a_stopped_one_takes_its_job_with_it(airflow: Airflow) -> None:
    airflow.followed(1)
    before = content(airflow.folder)
    for run_id in ("second", "stopped"):
        airflow.trigger(run_id)
    second = airflow.finished("second")
    assert second["state"] == "success"

    def jobs() -> list[psutil.Process]:
        return [process for process in processes(airflow.home) if {"jobs", "clean"} <= set(process.cmdline())]

    def family() -> list[psutil.Process]:
        """The job with its JVM."""
        found = [job for job in jobs() if job.children()]
        return [*found, *(child for job in found for child in job.children(recursive=True))]

    alive = wait_for(family, _RUN_SECONDS, "the JVM of the job")
    task = f"{_DAG}/dagRuns/stopped/taskInstances/clean"
    airflow.api.patch(task, json={"new_state": "failed"}).raise_for_status()

    wait_for(lambda: not any(each.is_running() for each in alive), 120, "the end of the job and its JVM")
    stopped = airflow.finished("stopped")
    assert stopped["state"] == "failed"
    assert datetime.fromisoformat(second["end_date"]) <= datetime.fromisoformat(stopped["start_date"])
    # Neither changed anything: nobody was woken.
    airflow.followed(1)
    assert content(airflow.folder) == before
