"""The two kinds of things that run a job in a cluster: a SparkApplication, or a plain Job for what needs no Spark.

Both are made of a manifest that the chart renders, named, labelled, followed and read alike. What differs stands here.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import yaml

from jobs import WITHOUT_SPARK

Manifest = dict[str, Any]


class Kind(NamedTuple):
    """Where the API keeps it, the container that runs the job, and the label of its pods that names it."""

    group: str
    version: str
    plural: str
    container: str
    label: str


KINDS = {
    "SparkApplication": Kind(
        *("sparkoperator.k8s.io", "v1beta2", "sparkapplications"),
        *("spark-kubernetes-driver", "sparkoperator.k8s.io/app-name"),
    ),
    "Job": Kind("batch", "v1", "jobs", "job", "batch.kubernetes.io/job-name"),
}
_ENDED = {"COMPLETED", "FAILED", "SUBMISSION_FAILED"}


class State(NamedTuple):
    """How something stands: `heard`, whether anybody has taken it up; the pod that runs the job, where it is known."""

    heard: bool
    ended: bool
    succeeded: bool
    # Why it failed, if that was said.
    said: str
    pod: str | None


def manifest_for(job: str, manifests: Sequence[Manifest]) -> Manifest:
    """Of several manifests that of the kind that the job needs; a SparkApplication's where no other is there."""
    by_kind = {manifest["kind"]: manifest for manifest in manifests}
    return (by_kind.get("Job") if job in WITHOUT_SPARK else None) or by_kind["SparkApplication"]


def read(text: str) -> list[Manifest]:
    """Manifests from their YAML."""
    return list(yaml.safe_load_all(text))


def fill(manifest: Manifest, arguments: list[str], given: Mapping[str, str]) -> None:
    """Give a manifest the job's arguments, and settings that win over its own."""
    spec = manifest["spec"]
    if manifest["kind"] == "Job":
        container = spec["template"]["spec"]["containers"][0]
        container["args"] = arguments
    else:
        container = spec["driver"]["template"]["spec"]["containers"][0]
        spec["arguments"] = arguments
    kept = [variable for variable in container.get("env", []) if variable["name"] not in given]
    container["env"] = kept + [{"name": name, "value": value} for name, value in given.items()]


def state_of(found: Manifest, pods: Sequence[str]) -> State:
    """How it stands by what the API says of it and by the names of its pods, that of the job's own first."""
    status = found.get("status", {})
    if found["kind"] == "Job":
        true = {one["type"]: one for one in status.get("conditions") or [] if one["status"] == "True"}
        ended = "Complete" in true or "Failed" in true
        said = str(true.get("Failed", {}).get("message") or "it failed")
        return State(ended or bool(pods), ended, "Complete" in true, said, pods[0] if pods else None)
    state = status.get("applicationState", {})
    word, driver = state.get("state", ""), status.get("driverInfo", {}).get("podName")
    ended = word in _ENDED
    said = str(state.get("errorMessage") or word)
    return State(bool(word) and (not driver or ended or driver in pods), ended, word == "COMPLETED", said, driver)
