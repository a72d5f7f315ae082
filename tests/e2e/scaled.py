"""Part of `make e2e-life`: past SQLite, as values-production.yaml has it, as far as one node can show it.

PostgreSQL by URL for the stores, two scorers, each task of Airflow in a pod of its own, two executors.
"""

import json
from collections.abc import Iterator

import pytest

from tests.e2e.cluster import (
    RELEASE,
    acknowledged,
    at_work,
    clear,
    found,
    helm,
    install,
    kubectl,
    make_namespace,
    run_state,
    start_load,
    task_log,
    trigger,
    wait_for,
    wait_for_the_run,
)

pytestmark = pytest.mark.timeout(1500)

_SERVER = "postgresql://postgres:e2e@postgres:5432"


def postgres() -> list[dict[str, object]]:
    """A server of the bank's own, which the release knows by its URL alone."""
    unprivileged = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    return [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "postgres", "labels": {"app": "postgres"}},
            "spec": {
                "automountServiceAccountToken": False,
                "securityContext": {
                    "runAsNonRoot": True,
                    "runAsUser": 999,
                    "fsGroup": 999,
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
                "containers": [
                    {
                        "name": "postgres",
                        "image": "postgres:17-trixie",
                        "env": [
                            {"name": "POSTGRES_PASSWORD", "value": "e2e"},
                            {"name": "PGDATA", "value": "/var/lib/postgresql/data/files"},
                        ],
                        "readinessProbe": {"exec": {"command": ["pg_isready", "--host=127.0.0.1"]}},
                        "securityContext": unprivileged,
                        "volumeMounts": [{"name": "data", "mountPath": "/var/lib/postgresql/data"}],
                    }
                ],
                "volumes": [{"name": "data", "emptyDir": {}}],
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "postgres"},
            "spec": {"selector": {"app": "postgres"}, "ports": [{"port": 5432}]},
        },
    ]


def select(statement: str) -> str:
    """What the stores' PostgreSQL answers, a row a line."""
    return kubectl("exec", "postgres", "--", "psql", "--username=postgres", "-tAc", statement).strip()


@pytest.fixture(scope="module", autouse=True)
def _release() -> Iterator[None]:
    clear()
    make_namespace()
    for one in postgres():
        kubectl("apply", "--filename", "-", stdin=json.dumps(one))
    kubectl("wait", "--for=condition=Ready", "pod/postgres", "--timeout=120s")
    kubectl("exec", "postgres", "--", "createdb", "--username=postgres", "airflow")
    values = (
        f"database.url={_SERVER}/postgres",
        "backup.enabled=false",
        "api.replicas=2",
        f"airflow.database.url={_SERVER}/airflow",
        "airflow.executor=KubernetesExecutor",
        "spark.executor.instances=2",
    )
    install("--set", ",".join(values))
    yield
    clear()


def test_two_scorers_serve_one_store() -> None:
    helm("test", RELEASE)
    pods = found("pods", "--selector", "app.kubernetes.io/component=api")["items"]
    assert [pod["status"]["containerStatuses"][0]["ready"] for pod in pods] == [True, True]


def test_each_task_is_a_pod_and_the_rows_are_in_postgresql() -> None:
    run_id = trigger()
    worker = ("pods", "--selector", "app.kubernetes.io/component=airflow-worker")
    wait_for("a task's own pod", lambda: found(*worker)["items"], 240)
    wait_for("two executors", lambda: len(at_work("executor")) == 2, 240)
    wait_for_the_run(run_id)
    # What the sample has.
    assert select("SELECT count(*) FROM transactions WHERE id < 1000000000000000") == "20000"
    assert "clean: " in task_log(run_id, "clean", 1)


def _in_force() -> list[str]:
    """The version of the model that each scorer answers with."""
    code = (
        "import json, urllib.request as r; print(json.load(r.urlopen('http://127.0.0.1:8081/readyz'))['model_version'])"
    )
    pods = found("pods", "--selector", "app.kubernetes.io/component=api")["items"]
    names = [pod["metadata"]["name"] for pod in pods if "deletionTimestamp" not in pod["metadata"]]
    return [kubectl("exec", name, "--container", "api", "--", "python", "-c", code).strip() for name in names]


def _refreshed(until: str | None = None) -> tuple[str, str]:
    """The version that is in force after a run of model_refresh, and what that said of its own."""
    run_id = trigger("model_refresh", {"until": until})
    wait_for("the run's success", lambda: run_state(run_id, "model_refresh") == "success", 1200, every=5)
    said = "\n".join(task_log(run_id, task, 1, "model_refresh") for task in ("train", "evaluate"))
    return select("SELECT version FROM promotions ORDER BY number DESC LIMIT 1"), said


def test_what_model_refresh_promotes_is_in_force_in_both_scorers_and_can_be_taken_back() -> None:
    assert _in_force() == ["None", "None"]
    # The sample has too few frauds to learn from: here whoever pays much is a thief, mostly.
    frauds = "UPDATE transactions SET is_fraud = CASE WHEN {} AND id % 10 < 9 THEN 1 ELSE 0 END"
    select(frauds.format("amount > 150"))
    first, _ = _refreshed("2018-06-30")
    wait_for("the first model in both", lambda: _in_force() == [first] * 2, 30, every=0.5)
    # Of which the first knows nothing: the second is better beyond any doubt.
    select(frauds.format("amount BETWEEN 50 AND 60"))
    second, said = _refreshed()
    assert second != first, said
    wait_for("the second model in both", lambda: _in_force() == [second] * 2, 30, every=0.5)
    kubectl("rollout", "restart", f"deploy/{RELEASE}-api")
    kubectl("rollout", "status", f"deploy/{RELEASE}-api", "--timeout", "300s")
    assert _in_force() == [second] * 2
    kubectl("exec", f"deploy/{RELEASE}-api", "--container", "api", "--", "fraudstack", "rollback")
    wait_for("the first model in both again", lambda: _in_force() == [first] * 2, 30, every=0.5)


def test_a_killed_scorer_leaves_the_other_and_no_acknowledged_transaction_is_lost() -> None:
    start_load()
    counted = "SELECT count(*) FROM transactions WHERE id >= 2000000000 AND id < 3000000000"
    wait_for("the load", lambda: int(select(counted)) > 50, 60)
    first = found("pods", "--selector", "app.kubernetes.io/component=api")["items"][0]["metadata"]["name"]
    kubectl("delete", "pod", first, "--force", "--grace-period=0")
    ids = acknowledged()
    stored = "SELECT t.id FROM transactions t JOIN decisions d USING (id) WHERE t.id BETWEEN 2000000000 AND 2999999999"
    assert ids <= {int(id) for id in select(stored).splitlines()}
