"""What the chart promises whoever installs it, held without a cluster."""

import json
from typing import Any

import pytest
import yaml

from tests.charts.rendered import CHART, VALUES, Object, containers, named, objects, pods, template

EVERY = pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
EXTERNAL = ("--set", "database.url=postgresql://u:p@db/fraud", "--set", "backup.enabled=false")


def millicores(text: str) -> int:
    return int(text[:-1]) if text.endswith("m") else int(float(text) * 1000)


def test_all_requests_with_a_driver_and_an_executor_fit_on_a_small_node() -> None:
    total = 0
    for one in objects():
        if one["kind"] == "SparkApplication":
            total += sum(millicores(one["spec"][role]["coreRequest"]) for role in ("driver", "executor"))
    for name, pod, number in pods():
        # A plain pod runs in a driver's stead.
        if name in ("fraudstack-driver", "fraudstack-executor", "fraudstack"):
            continue
        spec = pod["spec"]
        first, then = (
            [millicores(one["resources"]["requests"]["cpu"]) for one in spec.get(group, [])]
            for group in ("initContainers", "containers")
        )
        total += number * max([sum(then), *first])
    assert total <= 1000, f"{total}m"


@EVERY
def test_every_pod_is_restricted(values: tuple[str, ...]) -> None:
    found = list(pods(*values))
    assert len(found) >= 10
    for name, pod, _ in found:
        security = pod["spec"]["securityContext"]
        assert security["runAsNonRoot"] is True, name
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}, name
        expected = 999 if name == "fraudstack-airflow-postgresql" else 10001
        assert (security["runAsUser"], security["runAsGroup"], security["fsGroup"]) == (expected,) * 3, name
        for one in containers(pod):
            own = one["securityContext"]
            assert own["allowPrivilegeEscalation"] is False, name
            assert own["readOnlyRootFilesystem"] is True, name
            assert own["capabilities"] == {"drop": ["ALL"]}, name
            assert {"name": "tmp", "mountPath": "/tmp"} in one["volumeMounts"], name  # noqa: S108


@EVERY
def test_tokens_are_only_where_the_cluster_is_asked(values: tuple[str, ...]) -> None:
    with_token = {name for name, pod, _ in pods(*values) if pod["spec"]["automountServiceAccountToken"]}
    expected = {"fraudstack-driver", "fraudstack-airflow-scheduler", "fraudstack-airflow-triggerer"}
    assert with_token == expected | ({"worker"} if values else set())
    for one in objects(*values):
        if one["kind"] == "ServiceAccount":
            assert one["automountServiceAccountToken"] is False, one["metadata"]["name"]


@EVERY
def test_roles_name_each_verb(values: tuple[str, ...]) -> None:
    kinds = {one["kind"] for one in objects(*values)}
    assert not kinds & {"ClusterRole", "ClusterRoleBinding"}
    for one in objects(*values):
        if one["kind"] == "Role":
            assert "*" not in json.dumps(one["rules"])
            assert not any("secrets" in rule["resources"] for rule in one["rules"])


@EVERY
def test_what_waits_may_look_and_end_and_no_more(values: tuple[str, ...]) -> None:
    [account] = {pod["spec"]["serviceAccountName"] for name, pod, _ in pods(*values) if name.endswith("-triggerer")}
    bound = [
        one["roleRef"]["name"]
        for one in objects(*values)
        if one["kind"] == "RoleBinding" and account in [subject["name"] for subject in one["subjects"]]
    ]
    assert bound == ["fraudstack-airflow-triggerer"]
    rules = named(bound[0], "Role", *values)["rules"]
    allowed = {(resource, verb) for rule in rules for resource in rule["resources"] for verb in rule["verbs"]}
    kinds = {(kind, verb) for kind in ("sparkapplications", "jobs") for verb in ("get", "delete")}
    assert allowed == kinds | {("pods", "list"), ("pods/log", "get")}


@EVERY
def test_a_job_without_spark_asks_no_cluster_and_cleans_itself_away(values: tuple[str, ...]) -> None:
    job = named("fraudstack", "Job", *values)
    pod = job["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert (job["spec"]["backoffLimit"], job["spec"]["ttlSecondsAfterFinished"]) == (0, 86400)
    [driver] = [found for name, found, _ in pods(*values) if name == "fraudstack-driver"]
    [[own], [spark]] = [containers(one) for one in (job["spec"]["template"], driver)]
    assert (own["env"], own["volumeMounts"]) == (spark["env"], spark["volumeMounts"])
    bound = [one for one in objects(*values) if one["kind"] == "RoleBinding"]
    assert pod["serviceAccountName"] not in json.dumps(bound)


@EVERY
def test_no_pod_of_airflow_holds_the_stores_credentials(values: tuple[str, ...]) -> None:
    for name, pod, _ in pods(*values):
        if pod["metadata"]["labels"].get("fraudstack.io/airflow"):
            assert "TX_DATABASE_URL" not in json.dumps(pod), name


def test_a_day_starts_itself_where_a_schedule_is_given() -> None:
    day = ("--set", "airflow.ingest.schedule=30 4 * * *,settings.TX_CSV_PATH=/data/%Y-%m-%d.csv")
    for more, logs in ((), True), (("--set", "airflow.logsOnVolume=false"), False):
        for name, pod, _ in pods(*day, *more):
            if not name.startswith("fraudstack-airflow-") or name.endswith("-postgresql"):
                continue
            own = containers(pod)[-1]
            env = {variable["name"]: variable.get("value") for variable in own["env"]}
            assert (env["TX_INGEST_SCHEDULE"], env["TX_CSV_PATH"]) == ("30 4 * * *", "/data/%Y-%m-%d.csv"), name
            # Whoever waits for the file sees where it comes.
            sees = "/data" in [mount["mountPath"] for mount in own["volumeMounts"]]
            assert sees is (logs or name.endswith("-triggerer")), name
    for _, pod, _ in pods():
        assert "TX_INGEST_SCHEDULE" not in json.dumps(pod)


def test_a_person_signs_a_refresh_off_where_that_is_asked_for() -> None:
    for given, said in (("--set", "airflow.signOff=true"), "true"), ((), None):
        for name, pod, _ in pods(*given):
            if name == "fraudstack-airflow-scheduler":
                env = {variable["name"]: variable.get("value") for variable in containers(pod)[-1]["env"]}
                assert env.get("TX_MODEL_SIGN_OFF") == said


def test_a_file_that_is_late_is_an_alert_where_one_is_due() -> None:
    watched = ("--set", "api.serviceMonitor.enabled=true")
    due = ("--set", "airflow.ingest.schedule=30 4 * * *,airflow.ingest.hours=3")
    [late] = [one for one in _alerts(*watched, *due) if one["alert"] == "FraudstackFileLate"]
    assert late["expr"].endswith(f"> {28 * 3600}")
    assert "FraudstackFileLate" not in [one["alert"] for one in _alerts(*watched)]


def test_the_runbook_has_a_page_for_every_alert() -> None:
    runbook = (CHART.parents[1] / "docs" / "runbook.md").read_text()
    for one in _alerts("--set", "api.serviceMonitor.enabled=true,airflow.ingest.schedule=30 4 * * *"):
        assert f"\n## {one['alert']}\n" in runbook
        assert one["annotations"]["runbook_url"] == f"docs/runbook.md#{one['alert'].lower()}"


def _alerts(*values: str) -> list[Object]:
    [rules] = [one for one in objects(*values) if one["kind"] == "PrometheusRule"]
    return [one for group in rules["spec"]["groups"] for one in group["rules"]]


@EVERY
def test_every_pod_is_shut_and_opened_only_by_name(values: tuple[str, ...]) -> None:
    policies = [one for one in objects(*values) if one["kind"] == "NetworkPolicy"]
    default = named("fraudstack-default", "NetworkPolicy", *values)["spec"]
    assert default["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in default
    for name, pod, _ in pods(*values):
        labels = pod["metadata"]["labels"]
        assert default["podSelector"]["matchLabels"].items() <= labels.items(), name
    for policy in policies:
        for rule in policy["spec"].get("ingress", []):
            assert rule["from"], policy["metadata"]["name"]
            assert rule["ports"], policy["metadata"]["name"]
    # Whoever is labelled as a client reaches the scorer alone.
    opened = [policy["metadata"]["name"] for policy in policies if "fraudstack.io/client" in json.dumps(policy)]
    assert opened == ["fraudstack-api"]


@EVERY
def test_selectors_never_change(values: tuple[str, ...]) -> None:
    for one in objects(*values):
        if one["kind"] in ("Deployment", "StatefulSet"):
            assert set(one["spec"]["selector"]["matchLabels"]) == {
                "app.kubernetes.io/name",
                "app.kubernetes.io/instance",
                "app.kubernetes.io/component",
            }


@EVERY
def test_everything_is_said_where_it_belongs(values: tuple[str, ...]) -> None:
    for one in objects(*values):
        assert one["metadata"]["namespace"] == "bank", one["metadata"]["name"]
        assert one["metadata"]["labels"]["app.kubernetes.io/name"] == "fraudstack", one["metadata"]["name"]
    for name, pod, _ in pods(*values):
        for one in containers(pod):
            if "image" in one:
                assert one["image"].rpartition(":")[2] not in ("", "latest"), name
                assert one["resources"]["limits"]["memory"], name


def test_what_mounts_the_sqlite_files_never_runs_twice() -> None:
    for one in objects():
        if one["kind"] == "Deployment" and "persistentVolumeClaim" in json.dumps(one):
            assert one["spec"]["strategy"] == {"type": "Recreate"}, one["metadata"]["name"]
            assert one["spec"]["replicas"] == 1


def test_production_has_what_it_says() -> None:
    values = VALUES["production"]
    kinds = {(one["kind"], one["metadata"]["name"]) for one in objects(*values)}
    assert {
        ("HorizontalPodAutoscaler", "fraudstack-api"),
        ("PodDisruptionBudget", "fraudstack-api"),
        ("ServiceMonitor", "fraudstack-api"),
        ("Ingress", "fraudstack-api"),
        ("Ingress", "fraudstack-dashboard"),
        ("Ingress", "fraudstack-airflow"),
    } <= kinds
    assert not {kind for kind, name in kinds if kind in ("Secret", "StatefulSet", "CronJob")}
    api = named("fraudstack-api", "Deployment", *values)["spec"]
    # The autoscaler says how many.
    assert "replicas" not in api
    assert len(api["template"]["spec"]["topologySpreadConstraints"]) == 2
    assert api["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert "persistentVolumeClaim" not in json.dumps(api)
    for one in objects(*values):
        if one["kind"] == "Ingress":
            assert one["spec"]["tls"][0]["hosts"] == [one["spec"]["rules"][0]["host"]]
    assert named("fraudstack", "SparkApplication", *values)["spec"]["executor"]["instances"] == 6


def test_the_store_is_one_for_all() -> None:
    for values, name in ((), "TX_SQLITE_DB"), (EXTERNAL, "TX_DATABASE_URL"):
        for pod in ("fraudstack-api", "fraudstack-dashboard", "fraudstack-driver"):
            [found] = [found for other, found, _ in pods(*values) if other == pod]
            for one in containers(found):
                assert name in [variable["name"] for variable in one["env"]], pod


def test_without_airflow_there_is_none_and_the_manifest_stays() -> None:
    found = objects("--set", "airflow.enabled=false")
    assert not [one["metadata"]["name"] for one in found if "-airflow" in one["metadata"]["name"]]
    assert [one for one in found if one["kind"] == "SparkApplication"]


def test_claims_and_generated_secrets_outlive_the_release() -> None:
    kept = {
        one["metadata"]["name"]
        for one in objects()
        if one["metadata"].get("annotations", {}).get("helm.sh/resource-policy") == "keep"
    }
    claims = {f"fraudstack-{name}" for name in ("data", "airflow-postgresql")}
    assert kept == claims | {f"fraudstack-{name}" for name in ("api-clients", "airflow", "airflow-database")}
    gone = objects("--set", "storage.keep=false")
    assert not [one for one in gone if "helm.sh/resource-policy" in json.dumps(one["metadata"])]


def test_the_scorer_holds_digests_and_never_a_key() -> None:
    clients = named("fraudstack-api-clients", "Secret")["stringData"]
    entries = named("fraudstack-api", "Secret")["stringData"]["TX_API_KEYS"]
    assert set(clients) == {"payments", "analyst", "admin"}
    assert not any(key in entries for key in clients.values())
    [api] = [pod for name, pod, _ in pods() if name == "fraudstack-api"]
    assert "api-clients" not in json.dumps(api)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (["api.replicas=2"], "api.replicas is 2, but SQLite has one writer"),
        (["api.autoscaling.enabled=true"], "api.autoscaling needs PostgreSQL"),
        (["storage.accessMode=ReadWriteMany"], "one node only"),
        (["database.url=postgresql://db/x"], "set backup.enabled=false"),
        (["api.ingress.enabled=true"], "api.ingress needs host and tlsSecret"),
        (["airflow.executor=KubernetesExecutor"], "airflow.database.url"),
        (["airflow.executor=CeleryExecutor"], "executor"),
        (["api.replica=1"], "replica"),
        (["settings.TX_SQLITE_DB=/tmp/x.db"], "TX_SQLITE_DB"),
        (["image.pullPolicy=Sometimes"], "pullPolicy"),
        (["storage.size=10 GB"], "size"),
        (["database.url=mysql://db/x"], "url"),
        (["spark.conf.executor=1"], "executor"),
        (["airflow.ingest.schedule=@hourly"], "schedule"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_what_cannot_work_is_refused_in_a_sentence(values: list[str], sentence: str) -> None:
    done = template("--set", ",".join(values))
    assert done.returncode != 0
    assert sentence in done.stderr
    assert len([line for line in done.stderr.splitlines() if line.strip()]) <= 6, done.stderr


def test_the_schema_knows_each_value_and_no_other() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())

    def compare(values: Any, of: Object, path: str) -> None:
        if not isinstance(values, dict) or not of.get("properties"):
            return
        assert of["additionalProperties"] is False, path
        assert set(values) == set(of["properties"]) - {"global"}, path
        for name, value in values.items():
            compare(value, of["properties"][name], f"{path}.{name}")

    compare(yaml.safe_load((CHART / "values.yaml").read_text()), schema, "values")


def test_every_group_of_values_is_explained() -> None:
    lines = (CHART / "values.yaml").read_text().splitlines()
    for number, line in enumerate(lines):
        if line and line[0].isalpha() and line.split(":")[0] not in ("api", "dashboard", "airflow"):
            assert lines[number - 1].startswith("#"), line
