"""A job on Kubernetes: a SparkApplication of the Kubeflow operator, made, followed to its end, found again.

What an application looks like is said by a manifest, which the chart renders; here it gets a name, a job and a run.
An application is found again by its labels: a try that finds one of an earlier try, whose end nobody saw, follows it.
"""

import copy
import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from datetime import UTC, datetime
from typing import Any, NamedTuple

import yaml
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from kubernetes.config.config_exception import ConfigException
from urllib3.exceptions import HTTPError

from fraudstack.errors import DifferenceError, InputError, MachineError, Refusal, StoreError

_GROUP, _VERSION, _KIND = "sparkoperator.k8s.io", "v1beta2", "sparkapplications"
_ENDED = {"COMPLETED", "FAILED", "SUBMISSION_FAILED"}
_RUN, _JOB, _SEEN = "fraudstack.io/run", "fraudstack.io/job", "fraudstack.io/seen"
_DRIVER = "spark-kubernetes-driver"
# What a job refuses ends it with a code of its own, behind a last sentence.
_REFUSALS = {kind.exit_code: kind for kind in (InputError, StoreError, MachineError, DifferenceError)}
_POLL_SECONDS = 2.0
# A driver that says nothing for so long is looked at.
_PATIENCE_SECONDS = 30.0
# An operator that runs says something within seconds; a driver that is gone, within a few of its own looks.
_SILENCE_SECONDS = 120.0
_MISSING_OPERATOR = (
    "no Spark operator answers in this cluster, and without it no job runs: install it, "
    "helm install spark-operator spark-operator --repo https://kubeflow.github.io/spark-operator "
    "--namespace spark-operator --create-namespace --set 'spark.jobNamespaces={{{namespace}}}'"
)

Manifest = dict[str, Any]
Say = Callable[[str], None]


class JobFailedError(Refusal):
    """A job that failed in a way that another try may mend; the sentence names the reason."""


def manifest_of(namespace: str, release: str) -> Manifest:
    """The manifest of a release, from a ConfigMap of its namespace, named as the chart names it.

    Raises MachineError when there is no cluster or no such release.
    """
    core = client.CoreV1Api(_cluster())
    name = (release if "fraudstack" in release else f"{release}-fraudstack")[:30].removesuffix("-")
    try:
        found = core.read_namespaced_config_map(f"{name}-spark", namespace)
    except ApiException as error:
        raise MachineError(
            f"the release {release} can't be found in the namespace {namespace} ({error.reason}): name it with "
            "--release and --namespace"
        ) from error
    return read(found.data["application.yaml"])


def read(text: str) -> Manifest:
    """A manifest from its YAML."""
    manifest: Manifest = yaml.safe_load(text)
    return manifest


def run(
    manifest: Manifest, job: str, run_id: str, attempt: int, inputs: Mapping[str, str | None], say: Say
) -> dict[str, object]:
    """Run a job as a part of the run and return its summary; the driver's log goes to `say`, line by line.

    inputs are settings (TX_…) to override, None leaves one as it is. Ctrl-C ends the application too; whatever else
    stops this, like a worker that has to go, leaves it to be found by the next try.

    Raises JobFailedError, InputError for what a retry would meet again, MachineError without an operator.
    """
    api = _cluster()
    namespace = manifest["metadata"]["namespace"]
    name = _adopted(api, namespace, job, run_id)
    if name is None:
        name = _created(api, manifest, job, run_id, attempt, inputs)
        found = f"{job}: SparkApplication {name}"
    else:
        found = f"{job}: SparkApplication {name} of an earlier try is still there, following it"
    try:
        say(found)
        return _followed(api, namespace, name, job, say)
    except HTTPError as error:
        raise JobFailedError(f"{job}: the cluster doesn't answer, {name} goes on without being followed") from error
    except Exception:
        # It goes on, and the next try finds it.
        raise
    except BaseException:
        _delete(api, namespace, name)
        raise


def _cluster() -> client.ApiClient:
    try:
        config.load_incluster_config()
    except ConfigException:
        try:
            config.load_kube_config()
        except ConfigException as error:
            raise MachineError(f"there is no Kubernetes cluster to submit to: {error}") from error
    return client.ApiClient()


def _digest(run_id: str) -> str:
    """A run's id as a label and in names: Airflow's have colons."""
    return hashlib.sha256(run_id.encode()).hexdigest()[:10]


def _adopted(api: client.ApiClient, namespace: str, job: str, run_id: str) -> str | None:
    """The application of an earlier try of this run's job, whose end nobody has seen."""
    labels = f"{_RUN}={_digest(run_id)},{_JOB}={job},!{_SEEN}"
    try:
        found = client.CustomObjectsApi(api).list_namespaced_custom_object(
            _GROUP, _VERSION, namespace, _KIND, label_selector=labels
        )
    except ApiException as error:
        if error.status == 404:
            raise MachineError(_MISSING_OPERATOR.format(namespace=namespace)) from error
        raise
    alive = [one["metadata"] for one in found["items"] if "deletionTimestamp" not in one["metadata"]]
    newest = max(alive, key=lambda metadata: str(metadata["creationTimestamp"]), default=None)
    return None if newest is None else str(newest["name"])


def _created(
    api: client.ApiClient, manifest: Manifest, job: str, run_id: str, attempt: int, inputs: Mapping[str, str | None]
) -> str:
    namespace = manifest["metadata"]["namespace"]
    name = f"{manifest['metadata']['name']}-{job}-{_digest(run_id)}-{attempt}"
    application = copy.deepcopy(manifest)
    metadata, spec = application["metadata"], application["spec"]
    metadata["name"] = name
    metadata["labels"] = metadata.get("labels", {}) | {_RUN: _digest(run_id), _JOB: job}
    metadata["annotations"] = metadata.get("annotations", {}) | {"fraudstack.io/run-id": run_id}
    spec["arguments"] = [job, f"--run-id={run_id}"]
    given = [{"name": name, "value": value} for name, value in inputs.items() if value is not None]
    driver = spec["driver"]["template"]["spec"]["containers"][0]
    overridden = {variable["name"] for variable in given}
    driver["env"] = [one for one in driver.get("env", []) if one["name"] not in overridden] + given
    objects = client.CustomObjectsApi(api)
    try:
        objects.create_namespaced_custom_object(_GROUP, _VERSION, namespace, _KIND, application)
    except ApiException as error:
        if error.status != 409:
            raise
        # The same try once more, of which the end was seen: it makes way.
        _delete(api, namespace, name)
        objects.create_namespaced_custom_object(_GROUP, _VERSION, namespace, _KIND, application)
    return name


def _delete(api: client.ApiClient, namespace: str, name: str) -> None:
    """Delete an application and wait until it and its driver are gone."""
    objects = client.CustomObjectsApi(api)
    while True:
        try:
            objects.delete_namespaced_custom_object(
                _GROUP, _VERSION, namespace, _KIND, name, propagation_policy="Foreground"
            )
        except ApiException as error:
            if error.status != 404:
                raise
            if not _exists(api, namespace, f"{name}-driver"):
                return
        time.sleep(_POLL_SECONDS)


def _followed(api: client.ApiClient, namespace: str, name: str, job: str, say: Say) -> dict[str, object]:
    """Follow an application to its end; what its driver says as its last word is the result."""
    told = _Log(api, namespace, say)
    for application in _states(api, namespace, name, job):
        pod = application.get("status", {}).get("driverInfo", {}).get("podName")
        if pod:
            told.follow(pod)
    state = application["status"]["applicationState"]
    ends = [*_ends(api, namespace, name)]
    _mark_seen(api, namespace, name)
    word = next((end.word for end in ends if end.role == "driver"), "")
    if state["state"] == "COMPLETED":
        if not word.startswith("{"):
            raise JobFailedError(f"{job}: {name} completed, but its driver is gone, and its summary with it")
        return dict(json.loads(word))
    code = next((end.code for end in ends if end.role == "driver"), 0)
    if code in _REFUSALS and word:
        raise _REFUSALS[code](word)
    why = [f"{end.role} ended: {end.reason}" for end in ends if end.code]
    said = str(state.get("errorMessage") or state["state"]).strip().partition("\n")[0]
    raise JobFailedError(f"{job}: {'; '.join([said, *why])}")


def _states(api: client.ApiClient, namespace: str, name: str, job: str) -> Iterator[Manifest]:
    """The application, again and again until it has ended."""
    objects = client.CustomObjectsApi(api)
    heard = time.monotonic()
    while True:
        try:
            application = objects.get_namespaced_custom_object(_GROUP, _VERSION, namespace, _KIND, name)
        except ApiException as error:
            if error.status == 404:
                raise JobFailedError(f"{job}: somebody deleted the SparkApplication {name}") from error
            raise
        state = application.get("status", {}).get("applicationState", {}).get("state", "")
        driver = application.get("status", {}).get("driverInfo", {}).get("podName")
        if state and (not driver or state in _ENDED or _exists(api, namespace, driver)):
            heard = time.monotonic()
        asked = time.monotonic()
        yield application
        # Whoever follows the driver's log meanwhile hears it.
        heard += time.monotonic() - asked
        if state in _ENDED:
            return
        if time.monotonic() - heard > _SILENCE_SECONDS:
            _delete(api, namespace, name)
            if state:
                raise JobFailedError(f"{job}: the driver {driver} vanished")
            raise MachineError(f"{job}: {_MISSING_OPERATOR.format(namespace=namespace)}")
        time.sleep(_POLL_SECONDS)


def _exists(api: client.ApiClient, namespace: str, pod: str) -> bool:
    try:
        client.CoreV1Api(api).read_namespaced_pod(pod, namespace)
    except ApiException as error:
        if error.status == 404:
            return False
        raise
    return True


class _Log:
    """What a driver says, told line by line as it comes, each once."""

    def __init__(self, api: client.ApiClient, namespace: str, say: Say) -> None:
        self._api, self._namespace, self._say = api, namespace, say
        # The time of the last line that was told, as the cluster writes it.
        self._told = ""

    def follow(self, pod: str) -> None:
        """Tell what is new until the driver ends, or says nothing for a while."""
        # From a second before, for whole seconds are asked for: what is known is left out.
        since = {"since_seconds": _since(self._told)} if self._told else {}
        try:
            answer = client.CoreV1Api(self._api).read_namespaced_pod_log(
                pod,
                self._namespace,
                container=_DRIVER,
                follow=True,
                timestamps=True,
                _preload_content=False,
                _request_timeout=(_PATIENCE_SECONDS, _PATIENCE_SECONDS),
                **since,
            )
        except ApiException as error:
            # It isn't there yet, not started yet, or gone.
            if error.status in (400, 404):
                return
            raise
        # A driver that is silent or a connection that broke: the application is looked at, and it is asked again.
        with suppress(HTTPError), closing(answer):
            pending = b""
            for chunk in answer.stream(None):
                *lines, pending = (pending + chunk).split(b"\n")
                for line in lines:
                    self._tell(line.decode(errors="replace"))

    def _tell(self, line: str) -> None:
        moment, _, said = line.partition(" ")
        if moment > self._told:
            self._told = moment
            self._say(said.rstrip())


def _since(moment: str) -> int:
    """Whole seconds from before a moment, as the cluster writes it, until now."""
    passed = datetime.now(UTC) - datetime.fromisoformat(moment)
    return max(1, math.ceil(passed.total_seconds()) + 1)


class _End(NamedTuple):
    """A container that has ended: `driver` or `executor 1`, its exit code, why, and its last word."""

    role: str
    code: int
    reason: str
    word: str


def _ends(api: client.ApiClient, namespace: str, name: str) -> Iterator[_End]:
    """The application's containers that have ended, the driver's first."""
    labels = f"sparkoperator.k8s.io/app-name={name}"
    pods = client.CoreV1Api(api).list_namespaced_pod(namespace, label_selector=labels).items
    for pod in sorted(pods, key=lambda pod: str(pod.metadata.labels["spark-role"])):
        executor = pod.metadata.labels.get("spark-exec-id")
        for status in pod.status.container_statuses or []:
            ended = status.state.terminated
            if ended is not None:
                reason = ended.reason if ended.reason not in (None, "Error") else f"exit code {ended.exit_code}"
                word = str(ended.message or "").strip()
                yield _End(f"executor {executor}" if executor else "driver", ended.exit_code, reason, word)


def _mark_seen(api: client.ApiClient, namespace: str, name: str) -> None:
    """Say that somebody saw its end: a task that is run again on purpose gets a new one."""
    seen = {"metadata": {"labels": {_SEEN: "true"}}}
    client.CustomObjectsApi(api).patch_namespaced_custom_object(_GROUP, _VERSION, namespace, _KIND, name, seen)
