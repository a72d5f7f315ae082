"""A whole run of the DAG by `airflow dags test`: the stores it fills, and an input that it refuses."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from data.generate import generate
from tests.dags.airflow_process import content, environment, finished, processes, query

pytestmark = pytest.mark.slow
_ROWS = 3000


def _test_run(folder: Path, conf: dict[str, Any], **settings: str) -> tuple[int, str]:
    env = environment(folder, **settings)
    done = finished(["airflow", "dags", "test", "transactions_ingest", "--conf", json.dumps(conf)], env)
    assert list(processes(env["AIRFLOW_HOME"])) == []
    return done.returncode, done.stdout


@pytest.fixture(scope="module")
def ingested(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an Airflow, generated data, and the stores that a run made of it."""
    folder = tmp_path_factory.mktemp("ingested")
    generate(_ROWS, 1, folder / "data")
    migrated = finished(["airflow", "db", "migrate"], environment(folder))
    assert migrated.returncode == 0, migrated.stdout
    status, log = _test_run(
        folder,
        # One input from the run's params, where the environment is wrong, and one from the environment.
        {"labels": str(folder / "data" / "train_fraud_labels.json")},
        TX_CSV_PATH=str(folder / "data" / "transactions_data.csv"),
        TX_LABELS_PATH=str(folder / "nowhere.json"),
    )
    assert status == 0, log
    (folder / "log").write_text(log)
    return folder


def test_every_transaction_is_in_the_store(ingested: Path) -> None:
    lines = (ingested / "data" / "transactions_data.csv").read_text().splitlines()[1:]
    ids = {int(line.split(",")[0]) for line in lines}
    assert {row[0] for row in query(ingested / "transactions.db", "SELECT id FROM transactions")} == ids
    assert len(ids) == _ROWS


def test_every_label_is_in_the_store_and_no_other(ingested: Path) -> None:
    labels = json.loads((ingested / "data" / "train_fraud_labels.json").read_text())["target"]
    stored = query(ingested / "transactions.db", "SELECT id, is_fraud FROM transactions WHERE is_fraud IS NOT NULL")
    assert {str(id_): fraud for id_, fraud in stored} == {id_: said == "Yes" for id_, said in labels.items()}


def test_every_client_is_in_a_cluster(ingested: Path) -> None:
    clients = query(ingested / "transactions.db", "SELECT count(DISTINCT client_id) FROM transactions")
    clusters = ingested / "transactions_clusters.db"
    assert query(clusters, "SELECT count(*) FROM client_clusters") == clients
    assert query(clusters, "SELECT sum(count) FROM transactions_clusters") == clients


def test_each_step_left_its_row_under_the_runs_id(ingested: Path) -> None:
    runs = query(ingested / "transactions.db", "SELECT run_id, step, error FROM ingest_runs ORDER BY started_at")
    assert [step for _, step, _ in runs] == ["clean", "label", "follow", "profiles", "cluster"]
    assert [error for _, _, error in runs] == [None] * 5
    [(dag_run,)] = query(ingested / "airflow" / "airflow.db", "SELECT run_id FROM dag_run WHERE state = 'success'")
    assert {run_id for run_id, _, _ in runs} == {dag_run}


def test_the_log_shows_the_jobs_progress(ingested: Path) -> None:
    log = (ingested / "log").read_text()
    assert log.index("clean: load") < log.index("label: ") < log.index("profiles: ") < log.index("cluster: ")


def test_an_input_that_is_refused_fails_the_run_at_once_and_changes_nothing(ingested: Path, tmp_path: Path) -> None:
    folder = tmp_path
    for store in ingested.glob("transactions*.db"):
        shutil.copy(store, folder)
    csv = folder / "no_amount.csv"
    csv.write_text("id,date,client_id\n1,2010-01-01 00:01:00,2\n")
    before = content(folder)

    home = ingested / "airflow"
    status, log = _test_run(folder, {"csv": str(csv)}, AIRFLOW_HOME=str(home))

    assert status != 0
    [(run, step, error)] = query(
        folder / "transactions.db", "SELECT run_id, step, error FROM ingest_runs WHERE error IS NOT NULL"
    )
    assert step == "clean"
    assert f"AirflowFailException: clean: {error}" in log
    assert content(folder) == before
    tasks = query(
        home / "airflow.db",
        "SELECT task_id, task_instance.state, try_number FROM task_instance "
        f"JOIN dag_run USING (run_id) WHERE dag_run.state = 'failed' AND run_id = '{run}'",
    )
    assert sorted(tasks) == [
        ("arrive", "success", 1),
        ("clean", "failed", 1),
        ("cluster", "upstream_failed", 0),
        ("follow", "upstream_failed", 0),
        ("label", "upstream_failed", 0),
        ("profiles", "upstream_failed", 0),
        ("tell", "upstream_failed", 0),
    ]


@pytest.mark.parametrize(
    ("conf", "said"),
    [
        ({"cvs": "other.csv"}, "AirflowFailException: the conf of this run has cvs, and this DAG knows "),
        ({"csv": 5}, "Invalid input for param csv"),
    ],
    ids=["unknown key", "wrong type"],
)
def test_a_conf_that_is_not_understood_fails_the_run_before_anything_is_read(
    ingested: Path, tmp_path: Path, conf: dict[str, Any], said: str
) -> None:
    status, log = _test_run(tmp_path, conf, AIRFLOW_HOME=str(ingested / "airflow"))
    assert status != 0
    assert said in log
    assert list(tmp_path.glob("*.db")) == []
