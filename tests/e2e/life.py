"""`make e2e-life`: what befalls a release in its life, on a real cluster. The tests follow each other in this order."""

import json
from collections.abc import Iterator

import pytest

from tests.e2e.cluster import (
    CHART,
    RELEASE,
    applications,
    clear,
    command,
    found,
    helm,
    in_api,
    install,
    key,
    kubectl,
    output,
    query,
    run_pod,
    run_state,
    trigger,
    wait_for,
)

pytestmark = pytest.mark.timeout(1500)

_POST = """
import json, sys, urllib.request
url, key, id = sys.argv[1:]
body = json.dumps({"id": int(id), "client_id": "life", "amount": 5, "mcc": 5411}).encode()
headers = {"Content-Type": "application/json", "X-API-Key": key}
import time
for _ in range(60):
    try:
        print(urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=5).status)
        break
    except OSError:
        time.sleep(1)
"""
_COUNTS = "SELECT (SELECT count(*) FROM transactions), (SELECT count(*) FROM decisions), (SELECT count(*) FROM reviews)"
_JOBS = ("clean", "cluster", "label", "profiles")


@pytest.fixture(scope="module", autouse=True)
def _release() -> Iterator[None]:
    clear()
    install()
    yield
    clear()


def post(id: int) -> None:
    """Post a transaction from a pod that may."""
    run_pod(
        "post",
        _POST,
        {"fraudstack.io/client": "true"},
        f"http://{RELEASE}-api:8081/transaction",
        key("payments"),
        str(id),
    )
    assert output("post", 120).strip() == "200"


def roll_out() -> None:
    for name in found("deployments", "--selector", f"app.kubernetes.io/instance={RELEASE}")["items"]:
        kubectl("rollout", "status", f"deploy/{name['metadata']['name']}", "--timeout", "300s")


def test_a_deleted_driver_is_made_good_by_the_retry() -> None:
    run_id = trigger()
    driver = wait_for(
        "the driver of clean",
        lambda: [
            pod["metadata"]["name"]
            for pod in found("pods", "--selector", "spark-role=driver", "--field-selector", "status.phase=Running")[
                "items"
            ]
        ],
        400,
    )[0]
    kubectl("delete", "pod", driver, "--wait=false")
    wait_for(
        "all jobs' last application completed",
        lambda: [applications(run_id).get(job, [""])[-1] for job in _JOBS] == ["COMPLETED"] * 4,
        1200,
        every=5,
    )
    wait_for("the run's success", lambda: run_state(run_id) == "success", 120)
    assert len(applications(run_id)["clean"]) == 2
    rows = int(in_api("print(sum(1 for _ in open('/data/transactions_data.csv')) - 1)"))
    [[rows_in, loaded, quarantined]] = query(
        f"SELECT rows_in, loaded, quarantined FROM ingest_runs WHERE step = 'clean' AND run_id = '{run_id}' "
        "AND error IS NULL AND seconds IS NOT NULL ORDER BY started_at DESC LIMIT 1"
    )
    assert (rows_in, loaded + quarantined) == (rows, rows)


def test_all_pods_restarted_lose_nothing() -> None:
    post(1_500_000_001)
    before = query(_COUNTS)
    kubectl("delete", "pods", "--selector", f"app.kubernetes.io/instance={RELEASE}", "--wait")
    roll_out()
    assert query(_COUNTS) == before


def test_upgrade_and_rollback_keep_the_data_and_the_keys() -> None:
    before, keys = query(_COUNTS), key("payments")
    # A schema of a later release that only adds: this one must run on it after the rollback.
    helm("upgrade", RELEASE, str(CHART), "--wait", "--timeout", "12m", "--set", "api.workers=1")
    later = (
        "import sqlite3; c = sqlite3.connect('/data/transactions.db'); "
        "c.execute('ALTER TABLE profiles ADD COLUMN of_a_later_release INTEGER'); "
        "c.execute(\"UPDATE schema_transactions SET version_num = '0999'\"); c.commit()"
    )
    in_api(later)
    helm("rollback", RELEASE, "1", "--wait", "--timeout", "12m")
    assert (query(_COUNTS), key("payments")) == (before, keys)
    post(1_500_000_002)
    assert query(_COUNTS)[0][0] == before[0][0] + 1
    in_api(
        later.replace("'0999'", "'0004'").replace(
            "ADD COLUMN of_a_later_release INTEGER", "DROP COLUMN of_a_later_release"
        )
    )


def test_a_backup_is_restored() -> None:
    before = query(_COUNTS)
    kubectl("delete", "job", "by-hand", "--ignore-not-found")
    kubectl("create", "job", "by-hand", f"--from=cronjob/{RELEASE}-backup")
    kubectl("wait", "--for=condition=complete", "job/by-hand", "--timeout=180s")
    copy = kubectl("logs", "job/by-hand").strip()
    post(1_500_000_003)
    assert query(_COUNTS) != before
    # As docs/kubernetes.md says: the writers stand still meanwhile.
    kubectl("scale", f"deploy/{RELEASE}-api", f"deploy/{RELEASE}-dashboard", "--replicas=0")
    kubectl("delete", "job", "restore", "--ignore-not-found")
    job = found(f"cronjob/{RELEASE}-backup")["spec"]["jobTemplate"]
    job |= {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "restore"}}
    job["spec"]["template"]["spec"]["containers"][0]["command"] = ["python", "-m", "fraudstack.cli", "restore", copy]
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
    kubectl("delete", "persistentvolumeclaim,secret", *mine, "--wait")
    left = command(
        "kubectl", "--context", "kind-kind", "--namespace", "fraudstack", "get", "all,pvc,secret", *mine, "-o", "name"
    )
    assert not [name for name in left.split() if "-test" not in name and "sample-data" not in name]
