"""Jobs in a cluster under a real Airflow: tasks wait in the triggerer and outlive it. The cluster is made up.

A person signs off what a refresh would put in force, as Airflow's page asks through the REST API.
"""

import json
import re
import signal
import sys
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from tests.dags.airflow_process import finished, processes, wait_for
from tests.dags.airflow_server import DAG, RUN_SECONDS, Airflow, standalone
from tests.jobs.kubernetes_server import MANIFESTS, SUMMARY, Cluster, serving

# It waits more than it works, and measures nothing.
pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(1_200)]
_REFRESH = "/api/v2/dags/model_refresh"
_SAID = ["average precision 0.9", "against the rules' 0.4"]
_FOUND = {"step": "evaluate", "loaded": 1, "said": _SAID}


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    words = {"evaluate": json.dumps(SUMMARY | _FOUND), "cluster": json.dumps(SUMMARY | {"idle": True})}
    return Cluster(lines=[f"job: {number} % of it" for number in range(8)], words=words)


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory, cluster: Cluster) -> Iterator[Airflow]:
    folder = tmp_path_factory.mktemp("deferral")
    (folder / "application.yaml").write_text("\n---\n".join(json.dumps(manifest) for manifest in MANIFESTS))
    inputs = {
        "TX_SPARK_APPLICATION": str(folder / "application.yaml"),
        "KUBECONFIG": str(folder / "kube"),
        "TX_INGEST_SCHEDULE": "30 4 * * *",
        "TX_CSV_PATH": str(folder / "%Y-%m-%d.csv"),
    }
    with serving(cluster, folder / "kube"), standalone(folder, **inputs) as running:
        yield running


def _wait_until_deferred(airflow: Airflow, cluster: Cluster, run_id: str) -> str:
    """The application that the run's first task waits for, once all of its log is told."""
    task = f"{DAG}/dagRuns/{run_id}/taskInstances/clean"
    wait_for(lambda: airflow.get(task)["state"] == "deferred", RUN_SECONDS, f"a deferral in {run_id}")
    name = cluster.of("clean")[-1]
    wait_for(lambda: cluster.told.get(name) == len(cluster.lines), RUN_SECONDS, "the log")
    return name


def _triggerer(airflow: Airflow) -> psutil.Process:
    """The one whose children run the triggers."""
    found = [process for process in processes(airflow.home) if "triggerer" in " ".join(process.cmdline())]
    return min(found, key=lambda process: process.create_time())


def test_a_task_waits_without_a_worker_and_keeps_its_turn(airflow: Airflow, cluster: Cluster) -> None:
    cluster.held.add("clean")
    airflow.trigger("first", csv="first.csv")
    _wait_until_deferred(airflow, cluster, "first")
    pool = airflow.get("/api/v2/pools/fraudstack_store")
    assert (pool["deferred_slots"], pool["occupied_slots"], pool["open_slots"]) == (1, 1, 0)
    # Nobody else begins meanwhile, though workers are free.
    asked = {"dag_run_id": "rival", "logical_date": None}
    airflow.api.post("/api/v2/dags/store_verify/dagRuns", json=asked).raise_for_status()
    wait_for(lambda: airflow.get("/api/v2/pools/fraudstack_store")["scheduled_slots"] >= 1, RUN_SECONDS, "a rival")
    assert not cluster.of("verify")


def test_a_triggerer_that_goes_leaves_the_application_and_the_next_one_follows_it(
    airflow: Airflow, cluster: Cluster
) -> None:
    [name] = cluster.of("clean")
    gone = _triggerer(airflow)
    gone.send_signal(signal.SIGTERM)
    wait_for(lambda: not gone.is_running() or gone.status() == psutil.STATUS_ZOMBIE, 60, "its end")
    assert cluster.of("clean") == [name]
    before = len(cluster.asked)
    with airflow.started("triggerer"):
        wait_for(
            lambda: any(f"{name}-driver/log?" in asked for asked in cluster.asked[before:]), RUN_SECONDS, "a follower"
        )
        cluster.held.clear()
        assert airflow.finished("first")["state"] == "success"
    # Its last job had nothing to do.
    assert airflow.get(f"{DAG}/dagRuns/first/taskInstances/tell")["state"] == "skipped"
    told = airflow.told("first", "clean")
    assert [line for line in told if line in cluster.lines][-len(cluster.lines) :] == cluster.lines
    assert cluster.deletions() == 0


def test_a_person_who_fails_a_task_that_waits_ends_its_application(airflow: Airflow, cluster: Cluster) -> None:
    with airflow.started("triggerer"):
        wait_for(
            lambda: airflow.get("/api/v2/pools/fraudstack_store")["open_slots"] == 1, RUN_SECONDS, "the rival's end"
        )
        cluster.held.add("clean")
        airflow.trigger("stopped", csv="stopped.csv")
        name = _wait_until_deferred(airflow, cluster, "stopped")
        task = f"{DAG}/dagRuns/stopped/taskInstances/clean"
        airflow.api.patch(task, json={"new_state": "failed"}).raise_for_status()
        wait_for(lambda: name not in cluster.made, 120, "the end of the application")
        assert airflow.finished("stopped")["state"] == "failed"


def test_a_day_waits_for_its_file_and_is_a_partition_that_decisions_follow(airflow: Airflow, cluster: Cluster) -> None:
    (airflow.folder / "2026-11-01.csv").write_text("id\n")
    cluster.held.clear()
    del cluster.words["cluster"]
    days = ["--from-date", "2026-11-01", "--to-date", "2026-11-02T23:59"]
    command = [sys.executable, "-m", "airflow", "backfill", "create", "--dag-id", "transactions_ingest", *days]
    with airflow.started("triggerer"):
        done = finished(command, airflow.environment)
        assert done.returncode == 0, done.stdout

        def over() -> dict[str, dict[str, Any]] | None:
            runs = {run["partition_key"]: run for run in airflow.get(f"{DAG}/dagRuns")["dag_runs"]}
            mine = {day: runs[day] for day in ("2026-11-01", "2026-11-02") if day in runs}
            ended = len(mine) == 2 and all(run["state"] in ("success", "failed") for run in mine.values())
            return mine if ended else None

        runs = wait_for(over, RUN_SECONDS, "both days")
        assert {day: run["state"] for day, run in runs.items()} == {"2026-11-01": "success", "2026-11-02": "failed"}
        late = airflow.told(runs["2026-11-02"]["dag_run_id"], "arrive", 1)
        assert any("2026-11-02.csv, the transactions of 2026-11-02, isn't there" in line for line in late)
        assert cluster.settings(cluster.of("clean")[-1])["TX_CSV_PATH"] == str(airflow.folder / "2026-11-01.csv")
        follows = "/api/v2/dags/transactions_decide/dagRuns"

        def followed() -> bool:
            return [run["partition_key"] for run in airflow.get(follows)["dag_runs"]] == ["2026-11-01"]

        wait_for(followed, RUN_SECONDS, "the decisions of the day")


@pytest.mark.parametrize(("option", "after"), [("Reject", "skipped"), ("Approve", "success")])
def test_what_follows_waits_for_a_person_who_rejects_or_approves(
    airflow: Airflow, cluster: Cluster, option: str, after: str
) -> None:
    cluster.held.clear()
    before = len(cluster.made)
    task = f"{_REFRESH}/dagRuns/{option}/taskInstances/sign_off"
    with airflow.started("triggerer"):
        airflow.trigger(option, _REFRESH, sign_off=True)
        wait_for(lambda: airflow.get(task)["state"] == "awaiting_input", RUN_SECONDS, "the question")
        # Of a task that is answered before the scheduler heard of it Airflow 3.3 says that it was lost, and asks again.
        heard = re.compile(f"TaskInstance Finished: .*task_id=sign_off, run_id={option}, .*state=awaiting_input")
        log = airflow.folder / "log"
        wait_for(lambda: heard.search(log.read_text(encoding="utf-8")), RUN_SECONDS, "the scheduler")
        question = airflow.get(f"{task}/-1/hitlDetails")
        assert question["subject"] == "May this model come into force?"
        assert question["body"] == " ".join(_SAID)
        answer = {"chosen_options": [option], "params_input": {}}
        airflow.api.patch(f"{task}/-1/hitlDetails", json=answer).raise_for_status()
        assert airflow.finished(option, _REFRESH)["state"] == "success"
    tasks = airflow.tasks(option, _REFRESH)
    assert (tasks["promote"]["state"], tasks["memories"]["state"]) == (after, after)
    made = [name for name in [*cluster.made][before:] if name in cluster.of("promote")]
    assert [cluster.settings(name)["TX_MODEL_SIGNED_BY"] for name in made] == ["admin"] * (option == "Approve")
