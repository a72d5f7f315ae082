"""The kind cluster as its users reach it: by kubectl, helm and port-forward."""

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jobs import JOBS
from tests.api.served import free_port

CONTEXT, NAMESPACE, RELEASE = "kind-kind", "fraudstack", "fraudstack"
INGEST = "transactions_ingest"
CHART = Path(__file__).parents[2] / "charts" / "fraudstack"
DATA = "/data/transactions.db"
# Posts until the time is over, each again until it is acknowledged; prints the ids that were.
_LOAD = """
import json, sys, time, urllib.request
from concurrent.futures import ThreadPoolExecutor
url, key, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
end = time.monotonic() + seconds
def post(id):
    body = json.dumps({"id": id, "client_id": str(id % 50), "amount": 5, "mcc": 5411, "merchant_id": "1"}).encode()
    while True:
        try:
            request = urllib.request.Request(url, body, {"Content-Type": "application/json", "X-API-Key": key})
            with urllib.request.urlopen(request, timeout=5) as answer:
                return id if answer.status == 200 else None
        except OSError:
            if time.monotonic() > end + 120:
                raise
            time.sleep(0.2)
def many(first):
    done = []
    while time.monotonic() < end:
        done.append(post(first + len(done)))
    return done
with ThreadPoolExecutor(4) as pool:
    ids = [id for some in pool.map(many, range(2_000_000_000, 2_000_000_000 + 4_000_000, 1_000_000)) for id in some]
print(json.dumps(ids))
"""


def command(*arguments: str, stdin: str | None = None, seconds: float = 600) -> str:
    """What a command says; its complaint is the error's."""
    ended = subprocess.run(arguments, input=stdin, capture_output=True, text=True, timeout=seconds, check=False)
    assert ended.returncode == 0, f"{' '.join(arguments[:6])}…: {ended.stderr[-3000:]}{ended.stdout[-3000:]}"
    return ended.stdout


def kubectl(*arguments: str, stdin: str | None = None, seconds: float = 600) -> str:
    return command("kubectl", "--context", CONTEXT, "--namespace", NAMESPACE, *arguments, stdin=stdin, seconds=seconds)


def helm(*arguments: str, seconds: float = 900) -> str:
    return command("helm", "--kube-context", CONTEXT, "--namespace", NAMESPACE, *arguments, seconds=seconds)


def found(*arguments: str) -> Any:
    """Objects of the cluster, by `kubectl get`."""
    return json.loads(kubectl("get", *arguments, "--output", "json"))


def make_namespace() -> None:
    """A namespace that only lets restricted pods run."""
    namespace = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": NAMESPACE, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}},
    }
    command("kubectl", "--context", CONTEXT, "apply", "--filename", "-", stdin=json.dumps(namespace))


def install(*arguments: str) -> None:
    """The release, in its namespace."""
    make_namespace()
    helm("install", RELEASE, str(CHART), "--wait", "--timeout", "12m", *arguments)


def clear() -> None:
    """Away with whatever an earlier run left."""
    command("kubectl", "--context", CONTEXT, "delete", "namespace", NAMESPACE, "--ignore-not-found", "--wait")


def wait_for(what: str, condition: Callable[[], Any], seconds: float, every: float = 2) -> Any:
    """What the condition answers as soon as that is true."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"{what}: not within {seconds:.0f} s"
        time.sleep(every)


@contextmanager
def forwarded(service: str, port: int) -> Iterator[str]:
    """The address of a service through `kubectl port-forward`."""
    local = free_port()
    tool = shutil.which("kubectl")
    assert tool
    process = subprocess.Popen(
        [tool, "--context", CONTEXT, "--namespace", NAMESPACE, "port-forward", f"service/{service}", f"{local}:{port}"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        assert "Forwarding" in process.stdout.readline()
        yield f"http://127.0.0.1:{local}"
    finally:
        process.terminate()
        process.wait(10)


def key(client: str) -> str:
    """One of the generated API keys."""
    template = f"go-template={{{{ .data.{client} | base64decode }}}}"
    return kubectl("get", "secret", f"{RELEASE}-api-clients", "--output", template)


def in_api(code: str, *arguments: str) -> str:
    """What a Python program prints in the scorer's pod, which has the volume."""
    return kubectl("exec", f"deploy/{RELEASE}-api", "--container", "api", "--", "python", "-c", code, *arguments)


def query(statement: str) -> list[list[Any]]:
    """Rows of the store on the volume."""
    code = (
        "import json, sqlite3, sys; c = sqlite3.connect(f'file:{sys.argv[1]}?mode=ro', uri=True); "
        "print(json.dumps(c.execute(sys.argv[2]).fetchall()))"
    )
    rows: list[list[Any]] = json.loads(in_api(code, DATA, statement))
    return rows


def trigger(dag: str = INGEST, conf: Mapping[str, Any] | None = None) -> str:
    """Start a DAG from the scheduler's pod; the run's id."""
    run_id = f"e2e-{time.time_ns()}"
    scheduler = ("exec", f"deploy/{RELEASE}-airflow-scheduler", "--container", "scheduler", "--")
    # The DAG is there when the processor has read it.
    wait_for(
        "the DAG in Airflow",
        lambda: dag in kubectl(*scheduler, "airflow", "dags", "list", "--output", "json"),
        300,
    )
    kubectl(*scheduler, "airflow", "dags", "trigger", dag, "--run-id", run_id, "--conf", json.dumps(conf or {}))
    return run_id


def applications(run_id: str) -> dict[str, list[str]]:
    """States of a run's SparkApplications and Jobs by job, the first try first."""
    states: dict[str, list[str]] = {}
    items = found("sparkapplications,jobs", "--selector", "fraudstack.io/run")["items"]
    for one in sorted(items, key=lambda one: str(one["metadata"]["creationTimestamp"])):
        if one["metadata"]["annotations"].get("fraudstack.io/run-id") == run_id:
            status = one.get("status", {})
            state = status.get("applicationState", {}).get("state", "")
            if one["kind"] == "Job":
                ended = [each["type"] for each in status.get("conditions", []) if each["status"] == "True"]
                state = "COMPLETED" if "Complete" in ended else "FAILED" if "Failed" in ended else ""
            states.setdefault(one["metadata"]["labels"]["fraudstack.io/job"], []).append(state)
    return states


def run_state(run_id: str, dag: str = INGEST) -> str:
    """Airflow's word on a run."""
    scheduler = ("exec", f"deploy/{RELEASE}-airflow-scheduler", "--container", "scheduler", "--")
    said = kubectl(*scheduler, "airflow", "dags", "list-runs", dag, "--output", "json")
    runs = json.loads(said[said.index("[{") :])
    return next(str(run["state"]) for run in runs if run["run_id"] == run_id)


def wait_for_the_run(run_id: str, *, retried: bool = False) -> None:
    """Wait until a run has ended well, each job by one application unless it may have been retried."""

    def ended() -> bool:
        states = applications(run_id)
        assert retried or not any("FAILED" in state for some in states.values() for state in some), states
        return [states.get(job, [""])[-1] for job in JOBS] == ["COMPLETED"] * len(JOBS)

    wait_for("all jobs' last application completed", ended, 1200, every=5)
    wait_for("the run's success", lambda: run_state(run_id) == "success", 120)
    assert retried or [len(applications(run_id)[job]) for job in JOBS] == [1] * len(JOBS)


def assert_the_file_was_taken_in(run_id: str) -> None:
    """Every row of the volume's file is loaded or quarantined by the run."""
    rows = int(in_api("print(sum(1 for _ in open('/data/transactions_data.csv')) - 1)"))
    [[rows_in, loaded, quarantined]] = query(
        f"SELECT rows_in, loaded, quarantined FROM ingest_runs WHERE step = 'clean' AND run_id = '{run_id}' "
        "AND error IS NULL AND seconds IS NOT NULL ORDER BY started_at DESC LIMIT 1"
    )
    assert (rows_in, loaded + quarantined) == (rows, rows)


def at_work(role: str) -> list[Any]:
    """Spark's running pods of a role, driver or executor."""
    running = ("--selector", f"spark-role={role}", "--field-selector", "status.phase=Running")
    return list(found("pods", *running)["items"])


def task_log(run_id: str, task: str, attempt: int, dag: str = "transactions_ingest") -> str:
    """What a try of a task logged."""
    log = f"/data/airflow-logs/dag_id={dag}/run_id={run_id}/task_id={task}/attempt={attempt}.log"
    return kubectl("exec", f"deploy/{RELEASE}-airflow-scheduler", "--container", "scheduler", "--", "cat", log)


def run_pod(name: str, code: str, labels: dict[str, str], *arguments: str, memory: str = "512Mi") -> None:
    """A restricted pod that runs a Python program and is nobody to the release, but for its labels."""
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 10001,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": "main",
                    "image": found("deploy", f"{RELEASE}-api")["spec"]["template"]["spec"]["containers"][0]["image"],
                    "command": ["python", "-u", "-c", code, *arguments],
                    "resources": {"limits": {"memory": memory}},
                    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                }
            ],
        },
    }
    kubectl("delete", "pod", name, "--ignore-not-found", "--wait")
    kubectl("apply", "--filename", "-", stdin=json.dumps(pod))


def run_client(name: str, code: str, *arguments: str) -> None:
    """A pod that may call the scorer: the program's arguments begin with the address to post to and a key."""
    scorer = (f"http://{RELEASE}-api:8081/transaction", key("payments"))
    run_pod(name, code, {"fraudstack.io/client": "true"}, *scorer, *arguments)


def start_load() -> None:
    """Post for half a minute from a pod, under ids from 2,000,000,000."""
    run_client("load", _LOAD, "30")


def acknowledged() -> set[int]:
    """The ids that the load saw acknowledged, once it is over and the scorer is whole again."""
    ids = set(json.loads(output("load", 240)))
    kubectl("rollout", "status", f"deploy/{RELEASE}-api", "--timeout", "180s")
    assert len(ids) > 100
    return ids


def output(name: str, seconds: float) -> str:
    """What a pod printed, when it has ended well."""
    phase = "jsonpath={.status.phase}"
    ended = wait_for(
        f"the end of {name}",
        lambda: {"Succeeded", "Failed"} & {kubectl("get", "pod", name, "--output", phase)},
        seconds,
        every=1,
    )
    said = kubectl("logs", name)
    assert ended == {"Succeeded"}, said
    return said
