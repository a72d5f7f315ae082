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


def test_a_killed_scorer_leaves_the_other_and_no_acknowledged_transaction_is_lost() -> None:
    start_load()
    counted = "SELECT count(*) FROM transactions WHERE id >= 2000000000 AND id < 3000000000"
    wait_for("the load", lambda: int(select(counted)) > 50, 60)
    first = found("pods", "--selector", "app.kubernetes.io/component=api")["items"][0]["metadata"]["name"]
    kubectl("delete", "pod", first, "--force", "--grace-period=0")
    ids = acknowledged()
    stored = "SELECT t.id FROM transactions t JOIN decisions d USING (id) WHERE t.id BETWEEN 2000000000 AND 2999999999"
    assert ids <= {int(id) for id in select(stored).splitlines()}
