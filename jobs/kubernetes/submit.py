"""A job on Kubernetes: a SparkApplication of the Kubeflow operator or a plain Job, made, followed to its end, found.

What it looks like is said by a manifest, which the chart renders; here it gets a name, a job and a run. It is found
again by its labels: a try that finds what an earlier try made, and whose end nobody saw, follows that.
Whoever can't wait takes it in three steps, `begin`, `follow` and `result`, each where and when it likes.
"""

import asyncio
import copy
import hashlib
import json
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import NamedTuple

from aiohttp import ClientError
from kubernetes_asyncio import client, config
from kubernetes_asyncio.client.exceptions import ApiException
from kubernetes_asyncio.config.config_exception import ConfigException

from fraudstack.errors import DifferenceError, InputError, MachineError, Refusal, StoreError
from jobs.kubernetes.kinds import KINDS, Manifest, fill, manifest_for, read, state_of
from jobs.kubernetes.pod_log import PodLog, Say

_RUN, _JOB, _SEEN = "fraudstack.io/run", "fraudstack.io/job", "fraudstack.io/seen"
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


class JobFailedError(Refusal):
    """A job that failed in a way that another try may mend; the sentence names the reason."""


class Submission(NamedTuple):
    """What was made for a job, by its kind: a SparkApplication, or a Job."""

    kind: str
    job: str
    namespace: str
    name: str


def manifests_of(namespace: str, release: str) -> list[Manifest]:
    """The manifests of a release, from a ConfigMap of its namespace, named as the chart names it.

    Raises MachineError when there is no cluster or no such release.
    """
    return asyncio.run(_manifests_of(namespace, release))


async def _manifests_of(namespace: str, release: str) -> list[Manifest]:
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


def run(
    manifests: Sequence[Manifest], job: str, run_id: str, attempt: int, inputs: Mapping[str, str | None], say: Say
) -> dict[str, object]:
    """Run a job as a part of the run and return its summary; the driver's log goes to `say`, line by line.

    inputs are settings (TX_…) to override, None leaves one as it is. Ctrl-C ends the application too; whatever else
    stops this leaves it to be found by the next try.

    Raises JobFailedError, InputError for what a retry would meet again, MachineError without an operator.
    """
    return asyncio.run(_run(manifests, job, run_id, attempt, inputs, say))


async def _run(
    manifests: Sequence[Manifest], job: str, run_id: str, attempt: int, inputs: Mapping[str, str | None], say: Say
) -> dict[str, object]:
    submission = await begin(manifests, job, run_id, attempt, inputs, say)
    try:
        await follow(submission, say)
        return await result(submission)
    except Exception:
        # It goes on, and the next try finds it.
        raise
    except BaseException:
        await delete(submission)
        raise


async def begin(
    manifests: Sequence[Manifest], job: str, run_id: str, attempt: int, inputs: Mapping[str, str | None], say: Say
) -> Submission:
    """Make what runs the job, or find that of an earlier try; `say` is told which.

    Raises MachineError where no operator was installed, JobFailedError where the cluster doesn't answer.
    """
    manifest = manifest_for(job, manifests)
    kind, namespace = manifest["kind"], manifest["metadata"]["namespace"]
    async with _cluster(job) as api:
        name = await _adopted(api, kind, namespace, job, run_id)
        if name is None:
            name = await _created(api, manifest, job, run_id, attempt, inputs)
            say(f"{job}: {kind} {name}")
        else:
            say(f"{job}: {kind} {name} of an earlier try is still there, following it")
    return Submission(kind, job, namespace, name)


async def follow(submission: Submission, say: Say) -> None:
    """Follow it to its end; what the job's pod says goes to `say`, line by line.

    Raises JobFailedError where it or its pod is gone, or no cluster answers; MachineError without an operator.
    """
    kind, job, namespace, name = submission
    async with _cluster(job) as api:
        told, heard = PodLog(api, namespace, KINDS[kind].container, say), time.monotonic()
        while True:
            pods = [str(pod.metadata.name) for pod in await _pods(api, submission)]
            state = state_of(await _found(api, submission), pods)
            if state.heard:
                heard = time.monotonic()
            if state.pod:
                asked = time.monotonic()
                await told.follow(state.pod)
                # Whoever follows the pod's log meanwhile hears it.
                heard += time.monotonic() - asked
            if state.ended:
                return
            if time.monotonic() - heard > _SILENCE_SECONDS:
                await delete(submission)
                if state.pod:
                    raise JobFailedError(f"{job}: the driver {state.pod} vanished")
                if kind == "Job":
                    raise JobFailedError(f"{job}: no pod of the Job {name} came to be")
                raise MachineError(f"{job}: {_MISSING_OPERATOR.format(namespace=namespace)}")
            await asyncio.sleep(_POLL_SECONDS)


async def result(submission: Submission) -> dict[str, object]:
    """What the job's pod said as its last word, when it has ended: the job's summary.

    Raises JobFailedError, InputError for what a retry would meet again.
    """
    kind, job, _, name = submission
    async with _cluster(job) as api:
        state = state_of(await _found(api, submission), [])
        ends = [*_ends(kind, await _pods(api, submission))]
        await _mark_seen(api, submission)
    own = next((end for end in ends if not end.role.startswith("executor")), None)
    word = own.word if own else ""
    if state.succeeded:
        if not word.startswith("{"):
            raise JobFailedError(f"{job}: {name} completed, but its driver is gone, and its summary with it")
        return dict(json.loads(word))
    if own and own.code in _REFUSALS and word:
        raise _REFUSALS[own.code](word)
    why = [f"{end.role} ended: {end.reason}" for end in ends if end.code]
    raise JobFailedError(f"{job}: {'; '.join([state.said.strip().partition('\n')[0], *why])}")


async def delete(submission: Submission) -> None:
    """Delete it, and wait until it and the job's pod are gone."""
    async with _cluster(submission.job) as api:
        await _delete(api, submission)


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


async def _adopted(api: client.ApiClient, kind: str, namespace: str, job: str, run_id: str) -> str | None:
    """What an earlier try of this run's job made, whose end nobody has seen."""
    group, version, plural = KINDS[kind][:3]
    labels = f"{_RUN}={_digest(run_id)},{_JOB}={job},!{_SEEN}"
    try:
        found = await client.CustomObjectsApi(api).list_namespaced_custom_object(
            group, version, namespace, plural, label_selector=labels, _request_timeout=_PATIENCE
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
    made = copy.deepcopy(manifest)
    metadata, group, version, plural = made["metadata"], *KINDS[made["kind"]][:3]
    metadata["name"] += f"-{job}-{_digest(run_id)}-{attempt}"
    metadata["labels"] = metadata.get("labels", {}) | {_RUN: _digest(run_id), _JOB: job}
    metadata["annotations"] = metadata.get("annotations", {}) | {"fraudstack.io/run-id": run_id}
    given = {name: value for name, value in inputs.items() if value is not None}
    fill(made, [job, f"--run-id={run_id}"], given)
    create = partial(
        client.CustomObjectsApi(api).create_namespaced_custom_object,
        *(group, version, metadata["namespace"], plural, made),
        _request_timeout=_PATIENCE,
    )
    try:
        await create()
    except ApiException as error:
        if error.status != 409:
            raise
        # The same try once more, of which the end was seen: it makes way.
        await _delete(api, Submission(made["kind"], job, metadata["namespace"], metadata["name"]))
        await create()
    return str(metadata["name"])


async def _delete(api: client.ApiClient, submission: Submission) -> None:
    group, version, plural = KINDS[submission.kind][:3]
    while True:
        try:
            await client.CustomObjectsApi(api).delete_namespaced_custom_object(
                *(group, version, submission.namespace, plural, submission.name),
                propagation_policy="Foreground",
                _request_timeout=_PATIENCE,
            )
        except ApiException as error:
            if error.status != 404:
                raise
            if all("spark-exec-id" in pod.metadata.labels for pod in await _pods(api, submission)):
                return
        await asyncio.sleep(_POLL_SECONDS)


async def _found(api: client.ApiClient, submission: Submission) -> Manifest:
    kind, job, namespace, name = submission
    group, version, plural = KINDS[kind][:3]
    try:
        found: Manifest = await client.CustomObjectsApi(api).get_namespaced_custom_object(
            group, version, namespace, plural, name, _request_timeout=_PATIENCE
        )
    except ApiException as error:
        if error.status == 404:
            raise JobFailedError(f"{job}: somebody deleted the {kind} {name}") from error
        raise
    return found


async def _pods(api: client.ApiClient, submission: Submission) -> list[client.V1Pod]:
    """Its pods, that which runs the job first."""
    labels = f"{KINDS[submission.kind].label}={submission.name}"
    found = await client.CoreV1Api(api).list_namespaced_pod(
        submission.namespace, label_selector=labels, _request_timeout=_PATIENCE
    )
    return sorted(found.items, key=lambda pod: str(pod.metadata.labels.get("spark-exec-id", "")))


class _End(NamedTuple):
    """A container that has ended: `driver`, `its pod` or `executor 1`, its exit code, why, and its last word."""

    role: str
    code: int
    reason: str
    word: str


def _ends(kind: str, pods: list[client.V1Pod]) -> Iterator[_End]:
    """Those of the pods' containers that have ended."""
    for pod in pods:
        executor = pod.metadata.labels.get("spark-exec-id")
        for status in pod.status.container_statuses or []:
            ended = status.state.terminated
            if ended is not None:
                reason = ended.reason if ended.reason not in (None, "Error") else f"exit code {ended.exit_code}"
                word = str(ended.message or "").strip()
                own = "driver" if kind == "SparkApplication" else "its pod"
                yield _End(f"executor {executor}" if executor else own, ended.exit_code, reason, word)


async def _mark_seen(api: client.ApiClient, submission: Submission) -> None:
    """Say that somebody saw its end: a task that is run again on purpose gets a new one."""
    group, version, plural = KINDS[submission.kind][:3]
    seen = [{"op": "add", "path": f"/metadata/labels/{_SEEN.replace('/', '~1')}", "value": "true"}]
    await client.CustomObjectsApi(api).patch_namespaced_custom_object(
        *(group, version, submission.namespace, plural, submission.name), seen, _request_timeout=_PATIENCE
    )
