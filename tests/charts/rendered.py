"""The chart as helm renders it, without a cluster."""

import functools
import subprocess
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import yaml

_REPOSITORY = Path(__file__).parents[2]
CHART = _REPOSITORY / "charts" / "fraudstack"
# What `make tools` puts there.
TOOLS = _REPOSITORY / ".tools" / "bin"
VALUES = {"kind": (), "production": ("--values", str(CHART / "values-production.yaml"))}
# Which of them renders; every test has its turn with each.
HELMS = ("helm3", "helm4")
helm: ContextVar[str] = ContextVar("helm")
Object = dict[str, Any]


def template(*arguments: str) -> subprocess.CompletedProcess[str]:
    """What `helm template` says, on a cluster that has the operators' kinds."""
    kinds = ("--api-versions", "monitoring.coreos.com/v1")
    command = [
        str(TOOLS / helm.get()),
        "template",
        "fraudstack",
        str(CHART),
        "--namespace",
        "bank",
        "--kube-version",
        "1.34.0",
        *kinds,
    ]
    return subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)


def objects(*arguments: str) -> list[Object]:
    """The objects of a release, and those that it makes at run time out of its own templates."""
    return [one for text in texts(*arguments) for one in yaml.safe_load_all(text) if one]


def texts(*arguments: str) -> list[str]:
    """The text of them as helm writes it, and of each that it makes at run time."""
    return _texts(helm.get(), *arguments)


@functools.cache
def _texts(_: str, *arguments: str) -> list[str]:
    done = template(*arguments)
    assert done.returncode == 0, done.stderr
    made = [
        text
        for one in yaml.safe_load_all(done.stdout)
        if one and one["kind"] == "ConfigMap" and one["metadata"]["name"] == "fraudstack-spark"
        for text in one["data"].values()
    ]
    return [done.stdout, *made]


def named(name: str, kind: str, *arguments: str) -> Object:
    """An object."""
    return next(one for one in objects(*arguments) if one["kind"] == kind and one["metadata"]["name"] == name)


def pods(*arguments: str) -> Iterator[tuple[str, Object, int]]:
    """Name, template and number of every pod that may run."""
    for one in objects(*arguments):
        name, kind, spec = one["metadata"]["name"], one["kind"], one.get("spec", {})
        if kind in ("Deployment", "StatefulSet", "Job"):
            yield name, spec["template"], spec.get("replicas", 1)
        elif kind == "CronJob":
            yield name, spec["jobTemplate"]["spec"]["template"], 1
        elif kind == "Pod":
            yield name, one, 1
        elif kind == "SparkApplication":
            for role, number in (("driver", 1), ("executor", spec["executor"]["instances"])):
                yield f"{name}-{role}", spec[role]["template"], number


def containers(pod: Object) -> list[Object]:
    """A pod's containers, those that run first as well."""
    spec = pod["spec"]
    return [*spec.get("initContainers", []), *spec["containers"]]
