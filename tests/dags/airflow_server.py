"""A real Airflow (scheduler, triggerer, DAG processor, API server), driven through its REST API."""

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.dags.airflow_process import end, environment, finished, wait_for

DAG = "/api/v2/dags/transactions_ingest"
START_SECONDS = 240
RUN_SECONDS = 500


@dataclass(frozen=True)
class Airflow:
    """A running Airflow: its folder, its AIRFLOW_HOME, a client that has signed in, its environment."""

    folder: Path
    home: str
    api: httpx.Client
    environment: Mapping[str, str]

    def get(self, path: str) -> Any:
        return self.api.get(path).raise_for_status().json()

    def trigger(self, run_id: str, dag: str = DAG, **conf: object) -> None:
        asked = {"dag_run_id": run_id, "logical_date": None, "conf": conf}
        self.api.post(f"{dag}/dagRuns", json=asked).raise_for_status()

    def finished(self, run_id: str, dag: str = DAG) -> dict[str, Any]:
        """The run, when it has come to its end."""

        def over() -> dict[str, Any] | None:
            run: dict[str, Any] = self.get(f"{dag}/dagRuns/{run_id}")
            return run if run["state"] in ("success", "failed") else None

        return wait_for(over, RUN_SECONDS, f"the end of the run {run_id}")

    def tasks(self, run_id: str, dag: str = DAG) -> dict[str, dict[str, Any]]:
        """What Airflow says of a run's tasks, by their ids."""
        found = self.get(f"{dag}/dagRuns/{run_id}/taskInstances")["task_instances"]
        return {task["task_id"]: task for task in found}

    def told(self, run_id: str, task: str, attempt: int = 1) -> list[str]:
        """The lines of a try's log, and the sentence that it failed with."""
        log = self.get(f"{DAG}/dagRuns/{run_id}/taskInstances/{task}/logs/{attempt}")["content"]
        failed = [error["exc_value"] for line in log for error in line.get("error_detail") or []]
        return [line["event"] for line in log] + failed

    @contextmanager
    def started(self, part: str) -> Iterator[None]:
        """One more of its parts."""
        with (self.folder / f"{part}.log").open("ab") as log:
            command = [sys.executable, "-m", "airflow", part]
            process = subprocess.Popen(command, env=self.environment, stdout=log, stderr=subprocess.STDOUT)
        try:
            yield
        finally:
            process.terminate()
            process.wait(60)


@contextmanager
def standalone(folder: Path, **more: str) -> Iterator[Airflow]:
    """An Airflow that lives in the folder, until nothing of it does; `more` of its environment."""
    api, worker_logs, trigger_logs = _free_ports(3)
    env = environment(
        folder,
        AIRFLOW__API__HOST="localhost",
        AIRFLOW__API__PORT=api,
        # Where tasks report to: the port alone doesn't move it.
        AIRFLOW__API__BASE_URL=f"http://localhost:{api}",
        # The files stay as they are, and each look at them costs as much as a task.
        AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL="300",
        AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT=worker_logs,
        AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT=trigger_logs,
        **more,
    )
    home = env["AIRFLOW_HOME"]
    pool = ["pools", "set", "--include-deferred", "fraudstack_store", "1", "The turn on the store"]
    for command in (["db", "migrate"], pool):
        done = finished([sys.executable, "-m", "airflow", *command], env)
        assert done.returncode == 0, done.stdout
    with (folder / "log").open("wb") as log:
        # What runs in the background ignores Ctrl-C, and so would whatever it starts.
        command = ["env", "--default-signal=INT", sys.executable, "-m", "airflow", "standalone"]
        process = subprocess.Popen(command, env=env, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        with httpx.Client(base_url=f"http://localhost:{api}", timeout=60) as client:
            running = Airflow(folder, home, client, env)
            wait_for(_ready(running), START_SECONDS, f"Airflow to start, see {folder / 'log'}")
            yield running
    finally:
        left = end(process, home)
    assert left == []


def _free_ports(count: int) -> list[str]:
    sockets = [socket.create_server(("localhost", 0)) for _ in range(count)]
    ports = [str(each.getsockname()[1]) for each in sockets]
    for each in sockets:
        each.close()
    return ports


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
            dag = airflow.api.get(DAG)
        except httpx.HTTPError:
            return False
        return health["scheduler"]["status"] == "healthy" and dag.is_success

    return ready
