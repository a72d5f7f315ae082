"""Part of `make e2e-life`: what a job says when the operator, its driver or an executor lets it down.

The cluster is made to lack its operator: its resource is taken away, then the operator stands still and the tests
say about an application what it would say.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.cluster import (
    CONTEXT,
    NAMESPACE,
    RELEASE,
    clear,
    command,
    found,
    helm,
    install,
    kubectl,
    run_pod,
    run_state,
    task_log,
    trigger,
    wait_for,
)

pytestmark = pytest.mark.timeout(1500)

_RESOURCE = "sparkapplications.sparkoperator.k8s.io"
_MISSING = "no Spark operator answers in this cluster"


@pytest.fixture(scope="module", autouse=True)
def _no_operator() -> Iterator[None]:
    """A release in a cluster whose operator stands still; everything as before when the tests are over."""
    clear()
    scale_operator(0)
    yield
    scale_operator(1)
    clear()


@pytest.fixture(scope="module")
def _release() -> None:
    install()


def scale_operator(replicas: int) -> None:
    controller = (
        "deploy",
        "--selector",
        "app.kubernetes.io/name=spark-operator,app.kubernetes.io/component=controller",
    )
    of = ("--context", CONTEXT, "--namespace", "spark-operator")
    command("kubectl", *of, "scale", *controller, f"--replicas={replicas}")
    command("kubectl", *of, "rollout", "status", *controller, "--timeout", "180s")


def resource() -> dict[str, Any]:
    """The definition of SparkApplications."""
    definition: dict[str, Any] = json.loads(
        command("kubectl", "--context", CONTEXT, "get", "crd", _RESOURCE, "--output", "json")
    )
    return definition


def established() -> bool:
    conditions = resource().get("status", {}).get("conditions") or []
    return any((one["type"], one["status"]) == ("Established", "True") for one in conditions)


class Submitted:
    """`fraudstack submit clean`, as somebody at a laptop runs it."""

    def __init__(self, run_id: str, log: Path) -> None:
        """Start it; what it says is kept in log."""
        self.run_id, self._log = run_id, log
        with log.open("wb") as said:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "cli", "submit", "clean"),
                    *("--run-id", run_id, "--namespace", NAMESPACE, "--release", RELEASE),
                ],
                stdout=said,
                stderr=subprocess.STDOUT,
                env=os.environ | {"COLUMNS": "1000"},
            )

    @property
    def said(self) -> str:
        return self._log.read_text()

    def names(self) -> list[str]:
        """Its run's applications, of which there is never more than one."""
        items = found("sparkapplications")["items"]
        return [
            str(one["metadata"]["name"])
            for one in items
            if one["metadata"]["annotations"]["fraudstack.io/run-id"] == self.run_id
        ]

    def name(self) -> str:
        [name] = wait_for("the application", self.names, 60)
        return str(name)

    def report(self, state: str, *, error: str = "", driver: str = "") -> None:
        """Say about the application what the operator would say."""
        status = {
            "applicationState": {"state": state} | ({"errorMessage": error} if error else {}),
            "driverInfo": {"podName": driver} if driver else {},
        }
        patch = ("--subresource", "status", "--type", "merge", "--patch", json.dumps({"status": status}))
        kubectl("patch", "sparkapplication", self.name(), *patch)

    def signal(self, number: int) -> int:
        self._process.send_signal(number)
        return self.status()

    def status(self) -> int:
        """The exit status, once it has ended."""
        return self._process.wait(240)


def test_without_the_operator_the_release_starts_and_the_dag_says_what_is_missing() -> None:
    definition = resource()
    kept = ("name", "annotations", "labels")
    definition["metadata"] = {key: value for key, value in definition["metadata"].items() if key in kept}
    del definition["status"]
    command("kubectl", "--context", CONTEXT, "delete", "crd", _RESOURCE)
    try:
        install()
        assert "MISSING: the Spark operator" in helm("get", "notes", RELEASE)
        helm("test", RELEASE)
        run_id = trigger()
        wait_for("the run's failure", lambda: run_state(run_id) == "failed", 180)
        assert _MISSING in task_log(run_id, "clean", 1)
    finally:
        command("kubectl", "--context", CONTEXT, "create", "--filename", "-", stdin=json.dumps(definition))
    wait_for("the resource", established, 60)
    helm("uninstall", RELEASE, "--wait")


@pytest.mark.usefixtures("_release")
def test_silence_is_an_operator_that_is_missing_or_a_driver_that_vanished(tmp_path: Path) -> None:
    unheard, vanished = Submitted("unheard", tmp_path / "unheard"), Submitted("vanished", tmp_path / "vanished")
    vanished.report("RUNNING", driver="a-driver-that-was")
    assert unheard.status() == 5
    assert f"clean: {_MISSING}" in unheard.said
    assert vanished.status() == 1
    assert "clean: the driver a-driver-that-was vanished" in vanished.said
    assert not unheard.names()
    assert not vanished.names()


@pytest.mark.usefixtures("_release")
def test_a_refused_submission_is_named(tmp_path: Path) -> None:
    job = Submitted("refused", tmp_path / "log")
    job.report("SUBMISSION_FAILED", error="failed to run spark-submit: no such class\nat a place\nat another")
    assert job.status() == 1
    assert "clean: failed to run spark-submit: no such class\n" in job.said


@pytest.mark.usefixtures("_release")
def test_a_dead_executor_is_named_when_the_application_fails(tmp_path: Path) -> None:
    job = Submitted("greedy", tmp_path / "log")
    labels = {"sparkoperator.k8s.io/app-name": job.name(), "spark-role": "executor", "spark-exec-id": "1"}
    run_pod("greedy", "len(b'x' * 1_000_000_000)", labels, memory="64Mi")
    phase = "jsonpath={.status.phase}"
    wait_for("its end", lambda: kubectl("get", "pod", "greedy", "--output", phase) == "Failed", 60)
    job.report("FAILED", error="driver container failed")
    assert job.status() == 1
    assert "clean: driver container failed; executor 1 ended: OOMKilled" in job.said


@pytest.mark.usefixtures("_release")
def test_a_second_try_follows_the_application_of_the_first(tmp_path: Path) -> None:
    first = Submitted("tried-twice", tmp_path / "first")
    name = first.name()
    first.signal(signal.SIGKILL)
    second = Submitted("tried-twice", tmp_path / "second")
    wait_for("the second try", lambda: "is still there, following it" in second.said, 60)
    assert second.names() == [name]
    second.report("FAILED", error="it ended")
    assert second.status() == 1
    # Its end was seen: whoever runs it once more on purpose gets a new one.
    third = Submitted("tried-twice", tmp_path / "third")
    wait_for("a new application", lambda: f"SparkApplication {name}\n" in third.said, 60)
    assert third.names() == [name]
    third.signal(signal.SIGINT)


@pytest.mark.usefixtures("_release")
def test_ctrl_c_takes_the_application_away(tmp_path: Path) -> None:
    job = Submitted("stopped", tmp_path / "log")
    job.name()
    wait_for("it following", lambda: "SparkApplication" in job.said, 60)
    job.signal(signal.SIGINT)
    assert not job.names()
