"""What others look for in charts: kubeconform, kube-score and checkov, on every file of values that is shipped."""

import json
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.charts.rendered import TOOLS, VALUES, objects, texts

SCHEMAS = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema" / "v1.34.0-local-strict"
# Branches of the templates that no shipped file of values takes.
BRANCHES = {
    "secrets, reload and labels of yours": (
        "--set",
        "api.reload=true,dashboard.reload=true,airflow.reload=true,api.openai.existingSecret=o,api.existingSecret=k,"
        "api.openai.baseUrl=http://llm,api.rulesConfigMap=r,dashboard.existingSecret=d,dashboard.signIn=s,"
        "airflow.existingSecret=a,backup.existingClaim=b,storage.existingClaim=c,storage.className=local",
        "--set-json",
        'image.pullSecrets=["p"],settings={"TX_CURRENCY":"EUR"},spark.conf={"spark.x":"1"},airflow.env={"A":"b"},'
        'networkPolicy.sparkEgress=[{"ports":[{"port":443}]}],networkPolicy.clients=[{"team":"fraud"}],'
        + ",".join(
            f'{part}.annotations={{"a":"b"}},{part}.nodeSelector={{"a":"b"}},{part}.tolerations=[{{"key":"a"}}]'
            for part in ("api", "dashboard", "airflow", "spark")
        ),
    ),
    "as little as can be": ("--set", "storage.keep=false,sampleData.enabled=false,backup.enabled=false"),
    "without Airflow": (
        "--set",
        "airflow.enabled=false,networkPolicy.enabled=false,backup.enabled=false,database.url=postgresql://u:p@db/x,"
        "api.replicas=2,api.spread=true,api.disruptionBudget.enabled=true",
    ),
    "databases by URL": (
        "--set",
        "database.url=postgresql://u:p@db/x,airflow.database.url=postgresql://u:p@db/a,backup.enabled=false,"
        "airflow.executor=KubernetesExecutor,storage.accessMode=ReadWriteMany,airflow.logsOnVolume=false",
    ),
}
# What is done on purpose, and why.
KUBE_SCORE = {
    "container-image-pull-policy": "images are loaded into kind's node, and a release's tag never changes",
    "container-resources": "no CPU limits: throttling is what makes a scorer slow; memory has limits",
    "networkpolicy-targets-pod": "drivers and executors are made at run time",
    "pod-probes-identical": "one endpoint, asked more patiently before a container is killed",
    "container-security-context-user-group-id": "999 is the user of the official PostgreSQL image",
    "deployment-strategy": "Recreate where two would open one SQLite file",
    "deployment-replicas": "one of what mounts the SQLite files, and of Airflow's parts",
    "deployment-has-host-podantiaffinity": "topology spread does it, without refusing a small cluster",
}
CHECKOV = {
    "CKV_K8S_11": "no CPU limits: throttling is what makes a scorer slow; memory has limits",
    "CKV_K8S_15": "images are loaded into kind's node, and a release's tag never changes",
    "CKV_K8S_35": "settings are environment variables, as the twelve-factor app has them",
    "CKV_K8S_40": "999 is the user of the official PostgreSQL image",
    "CKV_K8S_8": "a pod that ends by itself needs no liveness probe; all others have one",
    "CKV_K8S_9": "nobody calls the scheduler, the DAG processor, the triggerer, workers or the test",
    "CKV_K8S_38": "the scheduler's, or the worker's, is what submits the jobs",
    "CKV_K8S_43": "digests are the registry's, which the chart doesn't know",
}


@pytest.fixture
def manifests(tmp_path: Path) -> list[str]:
    """Files with all objects of each file of values, as helm writes them, those made at run time as well."""
    for name, values in VALUES.items():
        (tmp_path / f"{name}.yaml").write_text("\n---\n".join(texts(*values)))
    return [str(tmp_path / f"{name}.yaml") for name in VALUES]


def tool(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(TOOLS / name), *arguments], capture_output=True, text=True, check=False)


def strict(schema: Any) -> Any:
    """The schema, refusing what it doesn't name."""
    if isinstance(schema, list):
        return [strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: strict(one) for name, one in schema.items()}
    if (
        "properties" in made
        and "additionalProperties" not in made
        and not made.get("x-kubernetes-preserve-unknown-fields")
    ):
        made["additionalProperties"] = False
    return made


@pytest.fixture(scope="module")
def schemas(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the schema of every kind that is rendered, each whole in itself."""
    folder = tmp_path_factory.mktemp("schemas")
    definitions = json.loads((SCHEMAS / "_definitions.json").read_text())["$defs"]

    def whole(schema: Any) -> Any:
        if isinstance(schema, list):
            return [whole(one) for one in schema]
        if not isinstance(schema, dict):
            return schema
        if "$ref" in schema:
            return whole(definitions[schema["$ref"].rpartition("/")[2]])
        return {name: whole(one) for name, one in schema.items()}

    for one in (one for values in VALUES.values() for one in objects(*values)):
        group, _, version = one["apiVersion"].rpartition("/")
        name = "-".join(filter(None, (one["kind"].lower(), group.partition(".")[0], version))) + ".json"
        if (SCHEMAS / name).exists():
            (folder / name).write_text(json.dumps(whole(json.loads((SCHEMAS / name).read_text()))))
    definition = yaml.safe_load((TOOLS.parent / "sparkapplications.yaml").read_text())
    [version] = [one for one in definition["spec"]["versions"] if one["name"] == "v1beta2"]
    schema = strict(version["schema"]["openAPIV3Schema"])
    # What every object has.
    schema["properties"]["metadata"] = {"type": "object"}
    (folder / "sparkapplication-sparkoperator-v1beta2.json").write_text(json.dumps(schema))
    return folder


def test_kubeconform_finds_every_object_valid(manifests: list[str], schemas: Path) -> None:
    assert conform(manifests, schemas) > 60


@pytest.mark.parametrize("values", BRANCHES.values(), ids=BRANCHES)
def test_kubeconform_finds_what_is_seldom_asked_for_valid(
    values: tuple[str, ...], schemas: Path, tmp_path: Path
) -> None:
    file = tmp_path / "manifests.yaml"
    file.write_text("\n---\n".join(texts(*values)))
    assert conform([str(file)], schemas) > 15


def conform(files: list[str], schemas: Path) -> int:
    """How many objects are valid, as all are that have a schema; a key that stands twice is none."""
    done = tool(
        "kubeconform",
        *("-strict", "-summary", "-output", "json", "-kubernetes-version", "1.34.0"),
        # Of the Prometheus operator's kinds no schema can be had offline.
        *("-skip", "ServiceMonitor,PrometheusRule"),
        *("-schema-location", f"{schemas}/{{{{ .ResourceKind }}}}{{{{ .KindSuffix }}}}.json"),
        *files,
    )
    answer = json.loads(done.stdout)
    wrong = {(one["kind"], one["name"], one["msg"]) for one in answer["resources"]}
    assert not wrong
    return int(answer["summary"]["valid"])


def test_kube_score_finds_only_what_is_on_purpose(manifests: list[str]) -> None:
    failed = {
        (check["check"]["id"], one["object_name"], comment["path"], comment["summary"])
        for file in manifests
        for one in json.loads(tool("kube-score", "score", "--output-format", "json", file).stdout)
        for check in one["checks"] or []
        if check["grade"] < 10 and not check["skipped"]
        for comment in check["comments"] or [{"path": "", "summary": ""}]
        if check["check"]["id"] not in KUBE_SCORE
    }
    assert not failed


def test_checkov_finds_only_what_is_on_purpose(manifests: list[str]) -> None:
    files = [argument for file in manifests for argument in ("--file", file)]
    skipped = ("--skip-download", "--skip-check", ",".join(CHECKOV))
    done = tool("checkov", *files, "--framework", "kubernetes", "--output", "json", "--quiet", *skipped)
    answer = json.loads(done.stdout)
    failed = {(one["check_id"], one["check_name"], one["resource"]) for one in answer["results"]["failed_checks"]}
    assert not failed
    assert answer["summary"]["parsing_errors"] == 0
