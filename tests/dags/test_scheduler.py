"""The DAG under a real Airflow (scheduler, DAG processor, API server), driven through its REST API."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import psutil
import pytest

from data.generate import generate
from tests.dags.airflow_process import content, processes, query, wait_for
from tests.dags.airflow_server import DAG, RUN_SECONDS, Airflow, standalone

# It waits more than it works, and measures nothing.
pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(1_200)]
_ROWS = 2000
_FOLLOWS = "/api/v2/dags/transactions_decide"


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airflow]:
    folder = tmp_path_factory.mktemp("standalone")
    generate(_ROWS, 2, folder / "data")
    # The other input comes from the runs' params.
    inputs = {
        "TX_CSV_PATH": str(folder / "data" / "transactions_data.csv"),
        "TX_LABELS_PATH": str(folder / "nowhere.json"),
    }
    with standalone(folder, **inputs) as running:
        yield running


def _followed(airflow: Airflow, runs: int) -> None:
    """Wait until so many runs of what follows an ingest have come to a good end."""

    def over() -> bool:
        states = [run["state"] for run in airflow.get(f"{_FOLLOWS}/dagRuns")["dag_runs"]]
        assert "failed" not in states
        return states == ["success"] * runs

    wait_for(over, RUN_SECONDS, "the decisions that follow an ingest")


@pytest.fixture(scope="module")
def runs(airflow: Airflow) -> dict[str, dict[str, Any]]:
    """Two that are triggered at once, at their ends: the first on an empty store, and one that is stopped."""
    for run_id in ("first", "stopped"):
        airflow.trigger(run_id, labels=str(airflow.folder / "data" / "train_fraud_labels.json"))
    first = airflow.finished("first")
    assert first["state"] == "success"

    def family() -> list[psutil.Process]:
        """The job that runs, with its JVM."""
        cleaning = [process for process in processes(airflow.home) if {"jobs", "clean"} <= set(process.cmdline())]
        found = [job for job in cleaning if job.children()]
        return [*found, *(child for job in found for child in job.children(recursive=True))]

    alive = wait_for(family, RUN_SECONDS, "the JVM of the job")
    task = f"{DAG}/dagRuns/stopped/taskInstances/clean"
    airflow.api.patch(task, json={"new_state": "failed"}).raise_for_status()
    wait_for(lambda: not any(each.is_running() for each in alive), 120, "the end of the job and its JVM")
    return {"first": first, "stopped": airflow.finished("stopped")}


def test_the_dag_is_not_paused_and_its_form_explains_the_inputs(airflow: Airflow) -> None:
    details = airflow.get(f"{DAG}/details")
    assert details["is_paused"] is False
    assert all(details["params"][name]["description"] for name in ("csv", "labels"))


@pytest.mark.usefixtures("runs")
def test_a_triggered_run_fills_the_store(airflow: Airflow) -> None:
    store, clusters = (airflow.folder / f"transactions{name}.db" for name in ("", "_clusters"))
    lines = (airflow.folder / "data" / "transactions_data.csv").read_text().splitlines()[1:]
    assert len(lines) == _ROWS
    assert query(store, "SELECT id FROM transactions ORDER BY id") == sorted(
        (int(line.split(",")[0]),) for line in lines
    )
    labels = json.loads((airflow.folder / "data" / "train_fraud_labels.json").read_text())["target"]
    stored = query(store, "SELECT id, is_fraud FROM transactions WHERE is_fraud IS NOT NULL")
    assert {str(id): fraud for id, fraud in stored} == {id: said == "Yes" for id, said in labels.items()}
    clients = query(store, "SELECT count(DISTINCT client_id) FROM transactions")
    assert query(clusters, "SELECT count(*) FROM client_clusters") == clients
    assert query(clusters, "SELECT sum(count) FROM transactions_clusters") == clients
    steps = query(store, "SELECT step, error FROM ingest_runs WHERE run_id = 'first' ORDER BY started_at")
    assert steps == [(step, None) for step in ("clean", "label", "follow", "profiles", "cluster")]


@pytest.mark.usefixtures("runs")
def test_decisions_of_the_history_follow_an_ingest(airflow: Airflow) -> None:
    _followed(airflow, 1)
    store = airflow.folder / "transactions.db"
    assert query(store, "SELECT source, count(*) FROM decisions GROUP BY source") == [("batch", _ROWS)]
    assert query(store, "SELECT count(*) FROM transactions WHERE flagged_fraud IS NOT NULL") == [(0,)]


@pytest.mark.usefixtures("runs")
def test_a_tasks_log_has_the_jobs_lines_and_its_xcom_the_summary(airflow: Airflow) -> None:
    for task, phase in (("clean", "load: "), ("label", ""), ("profiles", ""), ("cluster", "")):
        assert any(line.startswith(f"{task}: {phase}") for line in airflow.told("first", task)), task
    summary = airflow.get(f"{DAG}/dagRuns/first/taskInstances/clean/xcomEntries/return_value")["value"]
    assert (summary["rows_in"], summary["loaded"]) == (_ROWS, _ROWS)


def test_runs_triggered_at_once_follow_one_another_and_a_stopped_one_changes_nothing(
    airflow: Airflow, runs: dict[str, dict[str, Any]]
) -> None:
    assert runs["stopped"]["state"] == "failed"
    ended, began = runs["first"]["end_date"], runs["stopped"]["start_date"]
    assert datetime.fromisoformat(ended) <= datetime.fromisoformat(began)
    # Of what was stopped nobody was woken.
    _followed(airflow, 1)
    store = airflow.folder / "transactions.db"
    assert query(store, "SELECT DISTINCT run_id FROM ingest_runs WHERE loaded > 0 AND step = 'clean'") == [("first",)]


@pytest.mark.usefixtures("runs")
def test_an_input_that_is_refused_fails_the_run_at_once_and_changes_nothing(airflow: Airflow) -> None:
    _followed(airflow, 1)
    csv = airflow.folder / "no_amount.csv"
    csv.write_text("id,date,client_id\n1,2010-01-01 00:01:00,2\n")
    before = content(airflow.folder)
    airflow.trigger("refused", csv=str(csv))
    assert airflow.finished("refused")["state"] == "failed"
    noted = query(airflow.folder / "transactions.db", "SELECT step, error FROM ingest_runs WHERE run_id = 'refused'")
    assert [step for step, _ in noted] == ["clean"]
    assert f"clean: {noted[0][1]}" in airflow.told("refused", "clean")
    assert content(airflow.folder) == before
    states = {id: (task["state"], task["try_number"]) for id, task in airflow.tasks("refused").items()}
    later = dict.fromkeys(("label", "follow", "profiles", "cluster", "tell"), ("upstream_failed", 0))
    assert states == {"arrive": ("success", 1), "clean": ("failed", 1)} | later


def test_a_conf_that_is_not_understood_fails_the_run_before_anything_is_read(airflow: Airflow) -> None:
    airflow.trigger("misspelt", cvs="other.csv")
    assert airflow.finished("misspelt")["state"] == "failed"
    [said] = airflow.told("misspelt", "arrive")[-1:]
    assert said.startswith("the conf of this run has cvs, and this DAG knows ")
    states = {id: task["state"] for id, task in airflow.tasks("misspelt").items()}
    assert states.pop("arrive") == "failed"
    assert set(states.values()) == {"upstream_failed"}
    asked = {"dag_run_id": "mistyped", "logical_date": None, "conf": {"csv": 5}}
    refused = airflow.api.post(f"{DAG}/dagRuns", json=asked)
    assert refused.is_client_error
    assert "Invalid input for param csv" in refused.text
