"""`make e2e`: the release as its first user meets it, on a real cluster. The tests follow each other in this order."""

import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from tests.dashboard.browser import drawn, opened
from tests.e2e.cluster import (
    CONTEXT,
    NAMESPACE,
    RELEASE,
    acknowledged,
    assert_the_file_was_taken_in,
    at_work,
    clear,
    command,
    forwarded,
    found,
    helm,
    install,
    key,
    kubectl,
    output,
    query,
    run_pod,
    start_load,
    trigger,
    wait_for,
    wait_for_the_run,
)

pytestmark = pytest.mark.timeout(1500)
REPOSITORY = Path(__file__).parents[2]

# Which of the ports answer: HOST:PORT a line, with yes or no.
_KNOCK = """
import socket, sys
for place in sys.argv[1:]:
    host, port = place.rsplit(":", 1)
    try:
        socket.create_connection((host, int(port)), timeout=3).close()
        print(place, "yes")
    except OSError:
        print(place, "no")
"""


@pytest.fixture(scope="module", autouse=True)
def _release() -> Iterator[None]:
    clear()
    install()
    yield
    clear()


def test_its_own_test_passes() -> None:
    helm("test", RELEASE)


def test_no_pod_runs_as_root() -> None:
    pods = found("pods", "--selector", f"app.kubernetes.io/instance={RELEASE}")["items"]
    for pod in pods:
        assert pod["spec"]["securityContext"]["runAsNonRoot"], pod["metadata"]["name"]
    assert len({pod["spec"]["securityContext"]["runAsUser"] for pod in pods}) == 2


def test_the_dag_ingests_and_strangers_stay_outside() -> None:
    run_id = trigger()
    driver = wait_for(
        "a driver and an executor at work",
        lambda: [pod["status"]["podIP"] for role in ("driver", "executor") for pod in at_work(role)],
        400,
    )
    ips = {
        pod["metadata"]["labels"]["app.kubernetes.io/component"]: pod["status"]["podIP"]
        for pod in found("pods", "--selector", f"app.kubernetes.io/instance={RELEASE}")["items"]
        if pod["status"].get("podIP")
    }
    api = f"{ips['api']}:8081"
    others = [f"{ips['dashboard']}:8501", f"{ips['airflow-api-server']}:8080", f"{ips['airflow-postgresql']}:5432"]
    others += [f"{ip}:{port}" for ip in driver for port in (7078, 7079)]
    # Of a policy for a pod whose address nobody knows yet, nothing could be told.
    for name, labels, expected in (("client", {"fraudstack.io/client": "true"}, "yes"), ("stranger", {}, "no")):
        run_pod(name, f"import time; time.sleep(3)\n{_KNOCK}", labels, api, *others)
        answered = dict(line.split() for line in output(name, 120).splitlines())
        assert answered == {api: expected} | dict.fromkeys(others, "no"), name

    wait_for_the_run(run_id)
    assert_the_file_was_taken_in(run_id)
    [[loaded]] = query(f"SELECT loaded FROM ingest_runs WHERE step = 'clean' AND run_id = '{run_id}'")
    assert query("SELECT count(*) FROM transactions WHERE id < 1000000000000000") == [[loaded]]
    assert query("SELECT count(*) FROM transactions WHERE is_fraud IS NOT NULL")[0][0] > 0


def test_decisions_of_the_history_follow_the_ingest() -> None:
    [[loaded]] = query("SELECT count(*) FROM transactions WHERE id < 1000000000000000")

    def decided() -> bool:
        failed = query("SELECT step, error FROM ingest_runs WHERE error IS NOT NULL")
        assert not failed, failed
        return query("SELECT count(*) FROM decisions WHERE source = 'batch'") == [[loaded]]

    wait_for("a decision of every transaction", decided, 600, every=5)
    # Nothing of it goes on beside the tests that follow.
    wait_for("the drivers' end", lambda: not at_work("driver"), 120)
    assert query("SELECT count(*) FROM profiles WHERE memory IS NULL") == [[0]]


def test_a_posted_transaction_is_seen_in_the_dashboard() -> None:
    with forwarded(f"{RELEASE}-api", 8081) as url:
        body = {"id": 1_500_000_000, "client_id": "e2e-client", "amount": 812.4, "mcc": 5411, "merchant_state": "Italy"}
        answer = httpx.post(f"{url}/transaction", json=body, headers={"X-API-Key": key("payments")}, timeout=30)
    assert answer.status_code == 200, answer.text
    with forwarded(f"{RELEASE}-dashboard", 8501) as url, opened() as (page, errors):
        page.goto(f"{url}/transactions?client_id=e2e-client")
        drawn(page)
        expect(page.get_by_text(re.compile("1 transactions? match"))).to_be_visible(timeout=30_000)
    assert not errors


def test_no_acknowledged_transaction_is_lost_when_the_scorer_is_killed() -> None:
    start_load()
    wait_for("the load", lambda: query("SELECT count(*) FROM transactions WHERE id >= 2000000000")[0][0] > 50, 60)
    kubectl("delete", "pod", "--selector", "app.kubernetes.io/component=api", "--force", "--grace-period=0")
    ids = acknowledged()
    kept = query(
        "SELECT t.id FROM transactions t JOIN decisions d ON d.id = t.id WHERE t.id BETWEEN 2000000000 AND 2999999999"
    )
    assert ids <= {id for [id] in kept}


def test_skaffold_brings_an_edit_into_the_running_pod_and_leaves_the_claim(tmp_path: Path) -> None:
    copy = tmp_path / "fraudstack"
    for name in command("git", "-C", str(REPOSITORY), "ls-files", "-co", "--exclude-standard").splitlines():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / name, copy / name)
    text = copy / "fraudstack" / "rules" / "decide.py"
    tool = shutil.which("skaffold")
    assert tool
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                tool,
                "dev",
                "-m",
                "fraudstack",
                "--kube-context",
                CONTEXT,
                "--namespace",
                NAMESPACE,
                "--port-forward=off",
            ],
            cwd=copy,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    said = tmp_path / "log"

    def watching() -> bool:
        assert process.poll() is None, said.read_text()[-3000:]
        return "Watching for changes" in said.read_text()

    try:
        wait_for("skaffold watching", watching, 600)
        kubectl("rollout", "status", f"deploy/{RELEASE}-api", "--timeout", "180s")
        # No pod runs the jobs' image for long: with code that they share it is built anew, for the next job.
        built = "Building [fraudstack-api]"
        builds = said.read_text().count(built)
        with forwarded(f"{RELEASE}-api", 8081) as url:
            headers = {"X-API-Key": key("payments")}

            def reason() -> str:
                body = {"client_id": "skaffold", "amount": 9.0, "mcc": 5411}
                try:
                    answer = httpx.post(f"{url}/transaction?dry_run=true", json=body, headers=headers, timeout=10)
                except httpx.HTTPError:
                    return ""
                return str(answer.json().get("reason", ""))

            before = wait_for("an answer", reason, 60)
            fragment = next(word for word in re.findall(r"[a-z]{5,}", before) if f"{word}" in text.read_text())
            edited = fragment.upper()
            text.write_text(text.read_text().replace(fragment, edited))
            started = time.monotonic()
            wait_for("the edited reason", lambda: edited in reason(), 30, every=0.3)
            seconds = time.monotonic() - started
        assert said.read_text().count(built) == builds
        assert seconds <= 10, f"{seconds:.1f} s"
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(180)
    assert found("persistentvolumeclaim", f"{RELEASE}-data")["status"]["phase"] == "Bound"
