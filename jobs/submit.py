"""A job on Kubernetes: a SparkApplication of the Kubeflow operator, made, followed to its end, found again.

What an application looks like is said by a manifest, which the chart renders; here it gets a name, a job and a run.
An application is found again by its labels: a try that finds one of an earlier try, whose end nobody saw, follows it.
Whoever can't wait takes it in three steps, `begin`, `follow` and `result`, each where and when it likes.
"""

import asyncio
import copy
import hashlib
import json
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, NamedTuple

import yaml
from aiohttp import ClientError
from kubernetes_asyncio import client, config
from kubernetes_asyncio.client.exceptions import ApiException
from kubernetes_asyncio.config.config_exception import ConfigException

from fraudstack.errors import DifferenceError, InputError, MachineError, Refusal, StoreError
from jobs.pod_log import PodLog, Say

_GROUP, _VERSION, _KIND = "sparkoperator.k8s.io", "v1beta2", "sparkapplications"
_ENDED = {"COMPLETED", "FAILED", "SUBMISSION_FAILED"}
_RUN, _JOB, _SEEN = "fraudstack.io/run", "fraudstack.io/job", "fraudstack.io/seen"
_DRIVER = "spark-kubernetes-driver"
# What a job refuses ends it with a code of its own, behind a last sentence.
_REFUSALS = {kind.exit_code: kind for kind in (InputError, StoreError, MachineError, DifferenceError)}
_POLL_SECONDS = 2.0
# A cluster that says nothing for so long doesn't answer.
_PATIENCE = (30.0, 30.0)
# An operator that runs says something within seconds; a driver that is gone, within a few of its own looks.
_SILENCE_SECONDS = 120.0
_MISSING_OPERATOR = (
    "no Spark operator answers in this cluster, and without it no job runs: install it, "
    "helm install spark-operator spark-operator --repo https://kubeflow.github.io/spark-operator "
    "--namespace spark-operator --create-namespace --set 'spark.jobNamespaces={{{namespace}}}'"
)

Manifest = dict[str, Any]


class JobFailedError(Refusal):
    """A job that failed in a way that another try may mend; the sentence names the reason."""


class Application(NamedTuple):
    """The SparkApplication of a job."""

    job: str
    namespace: str
    name: str


def manifest_of(namespace: str, release: str) -> Manifest:
    """The manifest of a release, from a ConfigMap of its namespace, named as the chart names it.

    Raises MachineError when there is no cluster or no such release.
    """
    return asyncio.run(_manifest_of(namespace, release))


async def _manifest_of(namespace: str, release: str) -> Manifest:
    name = (release if "fraudstack" in release else f"{release}-fraudstack")[:30].removesuffix("-")
    async with _cluster(release) as api:
        try:
            found = await client.CoreV1Api(api).read_namespaced_config_map(
                f"{name}-spark", namespace, _request_timeout=_PATIENCE
            )
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
    stops this leaves it to be found by the next try.

    Raises JobFailedError, InputError for what a retry would meet again, MachineError without an operator.
    """
    return asyncio.run(_run(manifest, job, run_id, attempt, inputs, say))


async def _run(
    manifest: Manifest, job: str, run_id: str, attempt: int, inputs: Mapping[str, str | None], say: Say
) -> dict[str, object]:
    application = await begin(manifest, job, run_id, attempt, inputs, say)
    try:
        await follow(application, say)
        return await result(application)
    except Exception:
        # It goes on, and the next try finds it.
        raise
    except BaseException:
        await delete(application)
        raise


async def begin(
    manifest: Manifest, job: str, run_id: str, attempt: int, inputs: Mapping[str, str | None], say: Say
) -> Application:
    """Make the job's application, or find that of an earlier try; `say` is told which.

    Raises MachineError where no operator was installed, JobFailedError where the cluster doesn't answer.
    """
    namespace = manifest["metadata"]["namespace"]
    async with _cluster(job) as api:
        name = await _adopted(api, namespace, job, run_id)
        if name is None:
            name = await _created(api, manifest, job, run_id, attempt, inputs)
            say(f"{job}: SparkApplication {name}")
        else:
            say(f"{job}: SparkApplication {name} of an earlier try is still there, following it")
    return Application(job, namespace, name)


async def follow(application: Application, say: Say) -> None:
    """Follow an application to its end; its driver's log goes to `say`, line by line.

    Raises JobFailedError where it or its driver is gone, or no cluster answers; MachineError without an operator.
    """
    job, namespace, _ = application
    async with _cluster(job) as api:
        told, heard = PodLog(api, namespace, _DRIVER, say), time.monotonic()
        while True:
            status = (await _found(api, application)).get("status", {})
            state = status.get("applicationState", {}).get("state", "")
            driver = status.get("driverInfo", {}).get("podName")
            if state and (not driver or state in _ENDED or await _exists(api, namespace, driver)):
                heard = time.monotonic()
            if driver:
                asked = time.monotonic()
                await told.follow(driver)
                # Whoever follows the driver's log meanwhile hears it.
                heard += time.monotonic() - asked
            if state in _ENDED:
                return
            if time.monotonic() - heard > _SILENCE_SECONDS:
                await delete(application)
                if state:
                    raise JobFailedError(f"{job}: the driver {driver} vanished")
                raise MachineError(f"{job}: {_MISSING_OPERATOR.format(namespace=namespace)}")
            await asyncio.sleep(_POLL_SECONDS)


async def result(application: Application) -> dict[str, object]:
    """What the driver of an application that has ended says as its last word: the job's summary.

    Raises JobFailedError, InputError for what a retry would meet again.
    """
    job, namespace, name = application
    async with _cluster(job) as api:
        state = (await _found(api, application))["status"]["applicationState"]
        ends = [*_ends(await _pods(api, namespace, name))]
        await _mark_seen(api, namespace, name)
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


async def delete(application: Application) -> None:
    """Delete an application and wait until it and its driver are gone."""
    job, namespace, name = application
    async with _cluster(job) as api:
        await _delete(api, namespace, name)


@asynccontextmanager
async def _cluster(job: str) -> AsyncIterator[client.ApiClient]:
    try:
        config.load_incluster_config()
    except ConfigException:
        try:
            await config.load_kube_config()
        except ConfigException as error:
            raise MachineError(f"there is no Kubernetes cluster to submit to: {error}") from error
    async with client.ApiClient() as api:
        try:
            yield api
        except (ClientError, TimeoutError) as error:
            raise JobFailedError(f"{job}: the cluster doesn't answer; what was begun there goes on") from error


def _digest(run_id: str) -> str:
    """A run's id as a label and in names: Airflow's have colons."""
    return hashlib.sha256(run_id.encode()).hexdigest()[:10]


async def _adopted(api: client.ApiClient, namespace: str, job: str, run_id: str) -> str | None:
    """The application of an earlier try of this run's job, whose end nobody has seen."""
    labels = f"{_RUN}={_digest(run_id)},{_JOB}={job},!{_SEEN}"
    try:
        found = await client.CustomObjectsApi(api).list_namespaced_custom_object(
            _GROUP, _VERSION, namespace, _KIND, label_selector=labels, _request_timeout=_PATIENCE
        )
    except ApiException as error:
        if error.status == 404:
            raise MachineError(_MISSING_OPERATOR.format(namespace=namespace)) from error
        raise
    alive = [one["metadata"] for one in found["items"] if "deletionTimestamp" not in one["metadata"]]
    newest = max(alive, key=lambda metadata: str(metadata["creationTimestamp"]), default=None)
    return None if newest is None else str(newest["name"])


async def _created(
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
    create = partial(
        client.CustomObjectsApi(api).create_namespaced_custom_object,
        *(_GROUP, _VERSION, namespace, _KIND, application),
        _request_timeout=_PATIENCE,
    )
    try:
        await create()
    except ApiException as error:
        if error.status != 409:
            raise
        # The same try once more, of which the end was seen: it makes way.
        await _delete(api, namespace, name)
        await create()
    return name


async def _delete(api: client.ApiClient, namespace: str, name: str) -> None:
    while True:
        try:
            await client.CustomObjectsApi(api).delete_namespaced_custom_object(
                *(_GROUP, _VERSION, namespace, _KIND, name),
                propagation_policy="Foreground",
                _request_timeout=_PATIENCE,
            )
        except ApiException as error:
            if error.status != 404:
                raise
            if not await _exists(api, namespace, f"{name}-driver"):
                return
        await asyncio.sleep(_POLL_SECONDS)


async def _found(api: client.ApiClient, application: Application) -> Manifest:
    job, namespace, name = application
    try:
        found: Manifest = await client.CustomObjectsApi(api).get_namespaced_custom_object(
            _GROUP, _VERSION, namespace, _KIND, name, _request_timeout=_PATIENCE
        )
    except ApiException as error:
        if error.status == 404:
            raise JobFailedError(f"{job}: somebody deleted the SparkApplication {name}") from error
        raise
    return found


async def _exists(api: client.ApiClient, namespace: str, pod: str) -> bool:
    try:
        await client.CoreV1Api(api).read_namespaced_pod(pod, namespace, _request_timeout=_PATIENCE)
    except ApiException as error:
        if error.status == 404:
            return False
        raise
    return True


class _End(NamedTuple):
    """A container that has ended: `driver` or `executor 1`, its exit code, why, and its last word."""

    role: str
    code: int
    reason: str
    word: str


async def _pods(api: client.ApiClient, namespace: str, name: str) -> list[client.V1Pod]:
    """The application's pods, the driver first."""
    labels = f"sparkoperator.k8s.io/app-name={name}"
    found = await client.CoreV1Api(api).list_namespaced_pod(
        namespace, label_selector=labels, _request_timeout=_PATIENCE
    )
    return sorted(found.items, key=lambda pod: str(pod.metadata.labels["spark-role"]))


def _ends(pods: list[client.V1Pod]) -> Iterator[_End]:
    """Those of their containers that have ended."""
    for pod in pods:
        executor = pod.metadata.labels.get("spark-exec-id")
        for status in pod.status.container_statuses or []:
            ended = status.state.terminated
            if ended is not None:
                reason = ended.reason if ended.reason not in (None, "Error") else f"exit code {ended.exit_code}"
                word = str(ended.message or "").strip()
                yield _End(f"executor {executor}" if executor else "driver", ended.exit_code, reason, word)


async def _mark_seen(api: client.ApiClient, namespace: str, name: str) -> None:
    """Say that somebody saw its end: a task that is run again on purpose gets a new one."""
    seen = [{"op": "add", "path": f"/metadata/labels/{_SEEN.replace('/', '~1')}", "value": "true"}]
    await client.CustomObjectsApi(api).patch_namespaced_custom_object(
        _GROUP, _VERSION, namespace, _KIND, name, seen, _request_timeout=_PATIENCE
    )
