"""The model in the scorer: it speaks after the rules, names itself, and its absence stops nothing."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from fraudstack.model import registry
from fraudstack.model.artefact import Model
from fraudstack.rules import config
from fraudstack.rules.decide import combined
from tests.api.scorer import known, post, running
from tests.dags.airflow_process import wait_for
from tests.jobs.databases import query
from tests.model.made import kept_model


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two models to which a higher amount is more suspicious."""
    folder = tmp_path_factory.mktemp("models")
    for seed in (1, 2):
        kept_model(folder / str(seed), seed)
    return folder / "1", folder / "2"


@pytest.fixture
def champion(made: tuple[Path, Path], tmp_path: Path) -> Model:
    return registry.promote(tmp_path / "model", made[0], {})


@pytest.fixture
def client(champion: Model, tmp_path: Path, database: str) -> Iterator[TestClient]:
    with running(tmp_path, database) as client:
        yield client


def _problem(client: TestClient, said: str) -> bool:
    return said in (client.get("/readyz").json()["model_problem"] or "")


def decided(client: TestClient, **body: Any) -> dict[str, Any]:
    answer = client.post("/transaction", json=post(**body))
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_an_alarmed_model_is_heard_above_the_whitelist(tmp_path: Path, champion: Model, database: str) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(config.DEFAULT.read_text().replace("speaks_at: 0.02", "speaks_at: 0.5"))
    with running(tmp_path, database, rules_path=rules) as client:
        known(client)
        unheard = decided(client, id=100)
        assert (unheard["decision"], unheard["model_version"]) == ("whitelisted", champion.version)
    rules.write_text(config.DEFAULT.read_text().replace("alert_at: 0.3", "alert_at: 0.05"))
    with running(tmp_path, database, rules_path=rules) as client:
        found = decided(client, id=101)
    assert found["suspicious"]
    assert found["model_version"] == champion.version
    assert found["reason"].startswith("the model: ")
    assert {reason["code"] for reason in found["reasons"]} >= {"model_amount"}
    assert found["score"] == combined([reason["weight"] for reason in found["reasons"]])


def test_reasons_add_up_to_the_score_and_rules_count_beside_the_model(client: TestClient) -> None:
    known(client)
    alone = decided(client, id=100, amount=90)
    both = decided(client, id=101, amount=90, merchant_state="Italy", merchant_city="Rome", merchant_id="9")
    assert both["score"] >= alone["score"]
    assert {"country_new", "merchant_new"} <= {reason["code"] for reason in both["reasons"]}
    for answer in (alone, both):
        assert answer["score"] == combined([reason["weight"] for reason in answer["reasons"]])


def test_what_is_stored_is_what_was_answered(client: TestClient, champion: Model, database: str) -> None:
    known(client)
    answer = decided(client, id=100)
    assert decided(client, id=100) == answer
    assert client.get("/transactions/100").json()["decision"]["model_version"] == champion.version
    assert query(database, "SELECT model_version FROM decisions WHERE id = 100") == [(champion.version,)]
    dry = client.post("/transaction?dry_run=true", json=post(200)).json()
    assert dry["model_version"] == champion.version


def test_another_champion_takes_over_without_a_restart(
    client: TestClient, champion: Model, made: tuple[Path, Path], tmp_path: Path
) -> None:
    assert client.get("/readyz").json()["model_version"] == champion.version
    other = registry.promote(tmp_path / "model", made[1], {})
    wait_for(lambda: client.get("/readyz").json()["model_version"] == other.version, 20, "the new champion")
    assert decided(client, id=1)["model_version"] == other.version
    registry.promote(tmp_path / "model", tmp_path / "model" / "versions" / champion.version, {})
    wait_for(lambda: client.get("/readyz").json()["model_version"] == champion.version, 20, "the old champion")
    assert decided(client, id=2)["model_version"] == champion.version


def test_a_broken_champion_leaves_the_old_in_force(client: TestClient, champion: Model, tmp_path: Path) -> None:
    pointer = tmp_path / "model" / "champion.json"
    for content, said in (("{", "can't be read"), (json.dumps({"version": "abc"}), "there is no model in")):
        pointer.write_text(content)
        wait_for(partial(_problem, client, said), 20, said)
        assert decided(client)["model_version"] == champion.version


def test_with_a_broken_model_from_the_start_the_rules_decide(tmp_path: Path, made: tuple[Path, Path]) -> None:
    model = registry.promote(tmp_path / "model", made[0], {})
    trees = tmp_path / "model" / "versions" / model.version / "model.txt"
    trees.write_bytes(trees.read_bytes()[:1000])
    with running(tmp_path) as client:
        ready = client.get("/readyz").json()
        assert (ready["status"], ready["model_version"]) == ("ok", None)
        assert "can't be read" in ready["model_problem"]
        assert decided(client, id=1)["model_version"] is None


def test_without_a_model_the_rules_decide(tmp_path: Path) -> None:
    with running(tmp_path) as client:
        ready = client.get("/readyz").json()
        assert (ready["model_version"], ready["model_problem"]) == (None, None)
        assert decided(client, id=1)["model_version"] is None


def test_of_a_client_whose_past_nobody_remembers_the_model_says_nothing(
    tmp_path: Path, made: tuple[Path, Path]
) -> None:
    with running(tmp_path) as client:
        known(client)
    registry.promote(tmp_path / "model", made[0], {})
    with running(tmp_path) as client:
        assert decided(client, id=100)["model_version"] is None
        assert decided(client, id=101, client_id="new")["model_version"] is not None


def test_a_review_enters_the_memory(client: TestClient, database: str) -> None:
    known(client)
    before = query(database, "SELECT memory FROM profiles")
    client.post("/transactions/3/review", json={"verdict": "fraud", "reviewer": "ana"})
    after = query(database, "SELECT memory FROM profiles")
    assert before != after
    client.post("/transactions/3/review", json={"verdict": "legitimate", "reviewer": "ana"})
    assert query(database, "SELECT memory FROM profiles") == before
