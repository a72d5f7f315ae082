"""What the DAG is, as Airflow reads it, without running any of it."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.dags.airflow_process import DAGS, environment, finished

_PARSE = """
import json, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import model_refresh, model_watch, sign_off, steps, store_verify, transactions_decide, transactions_ingest
ours = ("fraudstack.storage", "jobs.spark.session", "jobs.kubernetes.submit")
heavy = [name for name in ("pyspark", "pyarrow", "numpy", "pandas", "kubernetes_asyncio", *ours) if name in sys.modules]
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(sys.argv[1])
def follows(dag):
    if asset := getattr(dag.schedule, "asset_condition", None):
        return [asset.name]
    return dag.schedule and dag.schedule.expression
from datetime import UTC, datetime
from unittest.mock import patch
from airflow.serialization.serialized_objects import DagSerialization
from airflow.timetables.base import TimeRestriction
def first_run(dag):
    # Of one that is installed on a Sunday.
    timetable = DagSerialization.from_dict(DagSerialization.to_dict(dag)).timetable
    with patch("airflow.timetables.trigger.utcnow", lambda: datetime(2026, 11, 29, 1, tzinfo=UTC)):
        run = timetable.next_dagrun_info_v2(last_dagrun_info=None, restriction=TimeRestriction(None, None, False))
    return run and str(run.run_after)
print(json.dumps({dag.dag_id: {
    "first": first_run(dag),
    "file": Path(dag.fileloc).name,
    "heavy": heavy,
    "errors": bag.import_errors,
    "order": [(task.task_id, sorted(task.downstream_task_ids)) for task in dag.topological_sort()],
    "params": {name: dag.params.get_param(name).dump() for name in dag.params},
    "paused": dag.is_paused_upon_creation,
    "max_active_runs": dag.max_active_runs,
    "catchup": dag.catchup,
    "follows": follows(dag),
    "emits": [(task.task_id, outlet.name) for task in dag.tasks for outlet in task.outlets],
    "pools": {task.task_id: task.pool for task in dag.tasks},
    "tags": sorted(dag.tags),
    "doc": dag.doc_md,
    "retries": {task.task_id: task.retries for task in dag.tasks},
    "delays": {task.task_id: task.retry_delay.total_seconds() for task in dag.tasks},
    "longest": {task.task_id: task.execution_timeout and task.execution_timeout.total_seconds() for task in dag.tasks},
    "backoff": {task.task_id: task.retry_exponential_backoff for task in dag.tasks},
} for dag in bag.dags.values()}))
"""


# What asks no job of the store.
_NO_JOBS = {"arrive", "tell", "sign_off"}


def _parsed(folder: Path, **settings: str) -> dict[str, Any]:
    done = finished([sys.executable, "-c", _PARSE, str(DAGS)], environment(folder, **settings), cwd=folder)
    assert done.returncode == 0, done.stdout
    parsed: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return parsed


@pytest.fixture(scope="module")
def dags(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return _parsed(tmp_path_factory.mktemp("parse"))


@pytest.fixture(params=["transactions_ingest", "transactions_decide", "model_refresh", "model_watch", "store_verify"])
def dag(request: pytest.FixtureRequest, dags: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = dags[request.param]
    return found


def test_there_are_these(dags: dict[str, Any]) -> None:
    assert set(dags) == {"transactions_ingest", "transactions_decide", "model_refresh", "model_watch", "store_verify"}


def test_a_file_of_the_folder_has_a_dag_or_is_not_looked_into(dags: dict[str, Any]) -> None:
    shared = {line for line in (DAGS / ".airflowignore").read_text().splitlines() if not line.startswith("#")}
    assert sorted([*shared, *(dag["file"] for dag in dags.values())]) == sorted(path.name for path in DAGS.glob("*.py"))


def test_what_runs_weekly_begins_with_the_next_week(dags: dict[str, Any]) -> None:
    assert dags["model_watch"]["first"] == "2026-12-05 22:00:00+00:00"
    assert dags["store_verify"]["first"] == "2026-12-05 23:30:00+00:00"


def test_every_file_of_the_folder_is_read_without_an_error(dag: dict[str, Any]) -> None:
    assert dag["errors"] == {}


def test_reading_it_imports_neither_spark_nor_the_store(dag: dict[str, Any]) -> None:
    assert dag["heavy"] == []


@pytest.mark.parametrize(
    ("id", "jobs"),
    [
        ("transactions_ingest", ["arrive", "clean", "label", "follow", "profiles", "cluster", "tell"]),
        ("transactions_decide", ["memories", "decide"]),
        ("model_refresh", ["train", "evaluate", "sign_off", "promote", "memories"]),
        ("model_watch", ["watch"]),
        ("store_verify", ["verify"]),
    ],
)
def test_jobs_follow_one_another(dags: dict[str, Any], id: str, jobs: list[str]) -> None:
    assert dags[id]["order"] == [[job, jobs[place : place + 1]] for place, job in enumerate(jobs, 1)]


def test_inputs_are_optional_and_explained(dags: dict[str, Any]) -> None:
    params = {id: dag["params"] for id, dag in dags.items()}
    assert {id: list(found) for id, found in params.items()} == {
        "transactions_ingest": ["csv", "labels", "columns", "unusual"],
        "transactions_decide": [],
        "model_refresh": ["until", "sign_off"],
        "model_watch": [],
        "store_verify": [],
    }
    assert params["transactions_ingest"].pop("unusual")["value"] == "stop"
    for param in (one for found in params.values() for one in found.values()):
        assert param["value"] is None
        assert param["schema"]["type"] in (["null", "string"], ["null", "boolean"])
        assert "empty: " in param["description"]


def test_it_starts_when_asked_and_makes_up_for_nothing(dag: dict[str, Any]) -> None:
    assert dag["paused"] is False
    assert dag["catchup"] is False


def test_decisions_follow_an_ingest_and_a_clock_starts_what_only_looks(dags: dict[str, Any]) -> None:
    asset = ["fraudstack-transactions"]
    follows = {id: dag["follows"] for id, dag in dags.items()}
    assert (follows.pop("model_watch"), follows.pop("store_verify")) == ("0 22 * * 6", "30 23 * * 6")
    assert follows == {"transactions_ingest": None, "transactions_decide": asset, "model_refresh": None}
    assert dags["transactions_ingest"]["emits"] == [["tell", "fraudstack-transactions"]]


def test_with_a_schedule_a_day_starts_itself_and_missed_days_are_made_up_for(tmp_path: Path) -> None:
    day = {"TX_INGEST_SCHEDULE": "30 4 * * *", "TX_INGEST_SINCE": "2026-11-01"}
    ingest = _parsed(tmp_path, **day)["transactions_ingest"]
    assert (ingest["follows"], ingest["catchup"], ingest["max_active_runs"]) == ("30 4 * * *", True, 1)


def test_runs_wait_for_each_other(dag: dict[str, Any]) -> None:
    assert dag["max_active_runs"] == 1


def test_tasks_are_tried_again_later_and_later_for_twenty_minutes(dag: dict[str, Any]) -> None:
    assert set(dag["retries"].values()) == {7}
    assert set(dag["delays"].values()) == {10.0}
    assert set(dag["backoff"].values()) == {2}


def test_whoever_waits_for_the_store_waits_before_it_starts(dag: dict[str, Any]) -> None:
    pools = {task: pool for task, pool in dag["pools"].items() if task not in _NO_JOBS}
    assert set(pools.values()) == {"fraudstack_store"}
    # Whoever waits for a file or a person keeps nobody's turn.
    assert {pool for task, pool in dag["pools"].items() if task in _NO_JOBS} <= {"default_pool"}


def test_nothing_hangs_for_ever(dag: dict[str, Any]) -> None:
    longest = {task: 600.0 if task in _NO_JOBS else 6 * 3600.0 for task in dag["longest"]}
    assert dag["longest"] == longest


def test_it_explains_itself(dag: dict[str, Any]) -> None:
    assert dag["tags"]
    for task_id, _ in dag["order"]:
        assert f"**{task_id}**" in dag["doc"]


def test_each_task_is_a_job(dag: dict[str, Any]) -> None:
    jobs = Path(DAGS).parent / "jobs"
    for task_id, _ in dag["order"]:
        assert task_id in _NO_JOBS or (jobs / f"{task_id}.py").exists()
