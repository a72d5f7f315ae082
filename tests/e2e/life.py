"""`make e2e-life`: what befalls a release in its life, on a real cluster. The tests follow each other in this order."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.e2e.cluster import (
    CHART,
    CONTEXT,
    NAMESPACE,
    RELEASE,
    applications,
    assert_the_file_was_taken_in,
    at_work,
    clear,
    found,
    helm,
    in_api,
    install,
    key,
    kubectl,
    output,
    query,
    run_client,
    trigger,
    wait_for,
    wait_for_the_run,
)

pytestmark = pytest.mark.timeout(1500)

_POST = """
import json, sys, time, urllib.request
url, key, id = sys.argv[1:]
body = json.dumps({"id": int(id), "client_id": "life", "amount": 5, "mcc": 5411}).encode()
headers = {"Content-Type": "application/json", "X-API-Key": key}
for _ in range(60):
    try:
        print(urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=5).status)
        break
    except OSError:
        time.sleep(1)
"""
_COUNTS = "SELECT (SELECT count(*) FROM transactions), (SELECT count(*) FROM decisions), (SELECT count(*) FROM reviews)"
_REVISION = "SELECT version_num FROM schema_transactions"
_CHANGE = "import sqlite3, sys; c = sqlite3.connect('/data/transactions.db');"
_SET = "c.execute('UPDATE schema_transactions SET version_num = ?', sys.argv[1:]); c.commit()"
# The facts of the store in the tables of an older release, put in the place of the store as a restore does.
_OLDER = """
import sqlite3
from alembic import command
from fraudstack.storage import engines, upgrade
from fraudstack.storage.connections.locks import write_turn
from fraudstack.storage.connections.store import parse

old, now = parse("/tmp/old.db"), parse("/data/transactions.db")
upgrade._prepare_file(old, old.path)
with engines.write(old) as connection:
    config = upgrade._config("transactions")
    config.attributes["connection"] = connection
    command.upgrade(config, "0003")
older = sqlite3.connect(old.path)
older.execute("ATTACH ? AS now", (str(now.path),))
for (table,) in older.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
    names = ("SELECT name FROM pragma_table_info(?, ?)", (table,))
    its, theirs = ({name for (name,) in older.execute(names[0], (table, of))} for of in ("main", "now"))
    both = ", ".join(sorted(its & theirs))
    if both and table != "schema_transactions":
        older.execute(f"DELETE FROM {table}")
        older.execute(f"INSERT INTO {table} ({both}) SELECT {both} FROM now.{table}")
older.commit()
older.execute("DETACH now")
with write_turn(now):
    target = sqlite3.connect(now.path)
    older.backup(target)
    target.close()
"""
# Holds the turn to ingest until it is told to let go.
_INGEST = (
    "import fcntl, sys; f = open('/data/transactions.db.ingest.lock', 'a'); fcntl.flock(f, fcntl.LOCK_EX); "
    "print('ingesting', flush=True); sys.stdin.read()"
)


@pytest.fixture(scope="module", autouse=True)
def _release() -> Iterator[None]:
    clear()
    install()
    yield
    clear()


def post(id: int) -> None:
    """Post a transaction from a pod that may."""
    run_client("post", _POST, str(id))
    assert output("post", 120).strip() == "200"


@contextmanager
def ingesting() -> Iterator[None]:
    """An ingest has its turn on the store: the lock is what an upgrade sees of it."""
    tool = shutil.which("kubectl")
    assert tool
    pod = ("exec", "--stdin", f"deploy/{RELEASE}-airflow-scheduler", "--container", "scheduler", "--")
    hold = [tool, "--context", CONTEXT, "--namespace", NAMESPACE, *pod, "python", "-c", _INGEST]
    with subprocess.Popen(hold, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == "ingesting\n"
        yield
        process.stdin.close()
        assert process.wait(60) == 0


def new_scorer() -> str:
    """The scorer's pod that waits at its first container, if there is one."""
    for pod in found("pods", "--selector", "app.kubernetes.io/component=api")["items"]:
        for status in pod["status"].get("initContainerStatuses", []):
            if "running" in status["state"]:
                return str(pod["metadata"]["name"])
    return ""


def roll_out() -> None:
    for name in found("deployments", "--selector", f"app.kubernetes.io/instance={RELEASE}")["items"]:
        kubectl("rollout", "status", f"deploy/{name['metadata']['name']}", "--timeout", "300s")


def drivers(job: str) -> list[str]:
    """Drivers of a job that are at work."""
    names = [str(pod["metadata"]["name"]) for pod in at_work("driver")]
    return [name for name in names if f"-{job}-" in name]


def test_a_deleted_driver_is_made_good_by_the_retry() -> None:
    run_id = trigger()
    [driver] = wait_for("the driver of clean", lambda: drivers("clean"), 400)
    kubectl("delete", "pod", driver, "--wait=false")
    wait_for_the_run(run_id, retried=True)
    assert_the_file_was_taken_in(run_id)
    assert len(applications(run_id)["clean"]) == 2


def test_a_killed_scheduler_costs_no_work() -> None:
    run_id = trigger()
    wait_for("the driver of clean", lambda: drivers("clean"), 400)
    kubectl(
        "delete", "pod", "--selector", "app.kubernetes.io/component=airflow-scheduler", "--force", "--grace-period=0"
    )
    wait_for_the_run(run_id)
    assert_the_file_was_taken_in(run_id)


def test_all_pods_restarted_lose_nothing() -> None:
    post(1_500_000_001)
    before = query(_COUNTS)
    kubectl("delete", "pods", "--selector", f"app.kubernetes.io/instance={RELEASE}", "--wait")
    roll_out()
    assert query(_COUNTS) == before


def test_an_upgrade_waits_for_the_ingest_and_brings_the_schema_up_to_date() -> None:
    before, keys, [[newest]] = query(_COUNTS), key("payments"), query(_REVISION)
    # As a release before left it, which had no lists of days, no model and no loads.
    in_api(_OLDER)
    with ingesting():
        helm("upgrade", RELEASE, str(CHART), "--set", "api.workers=1")
        pod = wait_for("a new scorer", new_scorer, 120)
        wait_for("it waiting", lambda: "waiting for an ingest" in kubectl("logs", pod, "--container", "upgrade"), 120)
    roll_out()
    assert (query(_COUNTS), query(_REVISION), key("payments")) == (before, [[newest]], keys)
    assert query("SELECT count(*) FROM days_seen_by_year") == [[0]]
    post(1_500_000_002)


def test_a_rollback_runs_on_the_newer_schema() -> None:
    before, keys, [[newest]] = query(_COUNTS), key("payments"), query(_REVISION)
    # A schema of a later release, which only adds.
    in_api(f"{_CHANGE} c.execute('ALTER TABLE profiles ADD COLUMN of_a_later_release INTEGER'); {_SET}", "0999")
    helm("rollback", RELEASE, "1", "--wait", "--timeout", "12m")
    assert (query(_COUNTS), key("payments"), query(_REVISION)) == (before, keys, [["0999"]])
    post(1_500_000_003)
    assert query(_COUNTS)[0][0] == before[0][0] + 1
    in_api(f"{_CHANGE} c.execute('ALTER TABLE profiles DROP COLUMN of_a_later_release'); {_SET}", newest)


def test_a_backup_is_restored() -> None:
    before = query(_COUNTS)
    kubectl("delete", "job", "by-hand", "--ignore-not-found")
    kubectl("create", "job", "by-hand", f"--from=cronjob/{RELEASE}-backup")
    kubectl("wait", "--for=condition=complete", "job/by-hand", "--timeout=180s")
    copy = kubectl("logs", "job/by-hand").strip()
    post(1_500_000_004)
    assert query(_COUNTS) != before
    # As docs/kubernetes.md says: the writers stand still meanwhile.
    kubectl("scale", f"deploy/{RELEASE}-api", f"deploy/{RELEASE}-dashboard", "--replicas=0")
    kubectl("delete", "job", "restore", "--ignore-not-found")
    job = found(f"cronjob/{RELEASE}-backup")["spec"]["jobTemplate"]
    job |= {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "restore"}}
    job["spec"]["template"]["spec"]["containers"][0]["command"] = ["python", "-m", "cli", "restore", copy]
    kubectl("apply", "--filename", "-", stdin=json.dumps(job))
    kubectl("wait", "--for=condition=complete", "job/restore", "--timeout=180s")
    kubectl("delete", "job", "restore", "by-hand", "--wait")
    kubectl("scale", f"deploy/{RELEASE}-api", f"deploy/{RELEASE}-dashboard", "--replicas=1")
    roll_out()
    assert query(_COUNTS) == before


def test_installed_again_it_finds_its_data() -> None:
    before, keys = query(_COUNTS), key("payments")
    helm("uninstall", RELEASE, "--wait", "--timeout", "5m")
    assert found("persistentvolumeclaim", f"{RELEASE}-data")["status"]["phase"] == "Bound"
    install()
    helm("test", RELEASE)
    [[transactions, _, _]] = query(_COUNTS)
    assert transactions == before[0][0] + 1
    assert key("payments") == keys


def test_uninstalled_for_good_nothing_is_left() -> None:
    helm("uninstall", RELEASE, "--wait", "--timeout", "5m")
    mine = ("--selector", f"app.kubernetes.io/instance={RELEASE}")
    # What NOTES say: a claim outlives what has it mounted, even what has ended.
    kubectl("delete", "sparkapplications,jobs,pods,persistentvolumeclaim,secret", *mine, "--wait", seconds=180)
    assert not kubectl("get", "all,sparkapplications,persistentvolumeclaim,secret,configmap", *mine, "--output", "name")
