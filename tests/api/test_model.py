"""The model in the scorer: it speaks after the rules, names itself, and its absence stops nothing."""

import json
import math
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pytest
from starlette.testclient import TestClient

from api import in_force
from fraudstack.decisions.again import score_again
from fraudstack.errors import InputError
from fraudstack.model import registry
from fraudstack.model.artefact import Model
from fraudstack.rules import config
from fraudstack.rules.decide import combined
from fraudstack.storage.connections.online import Connection
from fraudstack.storage.connections.store import parse
from tests.api.scorer import known, post, running
from tests.dags.airflow_process import wait_for
from tests.jobs.databases import execute, query
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
    # Twenty is no unusual amount: what it rests on is said of what is.
    assert found["reason"].startswith("the model")
    assert any(reason["code"].startswith("model") for reason in found["reasons"])
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


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_score_can_be_made_again(
    tmp_path: Path, made: tuple[Path, Path], champion: Model, database: str, share: float
) -> None:
    with running(tmp_path, database, figures_share=share) as client:
        known(client)
        usual, odd = (
            decided(client, id=100),
            decided(client, id=101, amount=900, merchant_id="9", merchant_state="Italy"),
        )
        assert (usual["suspicious"], odd["suspicious"]) == (False, True)
        # By now another one is in force.
        registry.promote(tmp_path / "model", made[1], {})
    with closing(Connection(parse(database))) as connection:
        found = score_again(connection, 101, tmp_path / "model")
        assert found.same
        assert (found.version, found.before) == (champion.version, found.probability)
        if share:
            assert score_again(connection, 100, tmp_path / "model").same
        else:
            with pytest.raises(InputError, match="transaction 100 was normal and not of the sample"):
                score_again(connection, 100, tmp_path / "model")
        with pytest.raises(InputError, match="has no transaction 999"):
            score_again(connection, 999, tmp_path / "model")
    execute(
        database, "UPDATE decisions SET figures = replace(figures, '\"amount\":900', '\"amount\":0') WHERE id = 101"
    )
    with closing(Connection(parse(database))) as connection:
        assert not score_again(connection, 101, tmp_path / "model").same


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


@pytest.mark.slow
def test_a_broken_champion_leaves_the_old_in_force(client: TestClient, champion: Model, tmp_path: Path) -> None:
    pointer = tmp_path / "model" / "champion.json"
    whole = pointer.read_bytes()
    for content, said in (
        ("{", "can't be read"),
        (json.dumps({"version": "abc"}), "there is no model in"),
        ("[" * 100_000, "can't be read"),
        (json.dumps({"version": "../../x"}), "it names no version"),
        (json.dumps({"version": champion.version, "before": 1}), "what was before is no version"),
        (" " * (1 << 21), "has more than"),
    ):
        pointer.write_text(content)
        wait_for(partial(_problem, client, said), 20, said)
        answer = decided(client)
        assert answer["model_version"] == champion.version
    pointer.unlink()
    wait_for(partial(_problem, client, "has gone"), 20, "that it has gone")
    assert decided(client, id=9)["model_version"] == champion.version
    pointer.write_bytes(whole)
    wait_for(lambda: client.get("/readyz").json()["model_problem"] is None, 20, "the champion")


@pytest.mark.parametrize(
    ("name", "said"),
    [("model.txt", "isn't the one that its version"), ("model.json", "isn't JSON")],
)
def test_with_a_broken_model_from_the_start_the_rules_decide_until_it_is_whole(
    tmp_path: Path, made: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, name: str, said: str
) -> None:
    monkeypatch.setattr(in_force, "_RETRY_SECONDS", 0.1)
    model = registry.promote(tmp_path / "model", made[0], {})
    broken = tmp_path / "model" / "versions" / model.version / name
    whole = broken.read_bytes()
    broken.write_bytes(whole[: len(whole) * 6 // 10])
    with running(tmp_path) as client:
        ready = client.get("/readyz").json()
        assert (ready["status"], ready["model_version"]) == ("ok", None)
        assert said in ready["model_problem"]
        assert "fraudstack_model_problem 1.0" in client.get("/metrics").text
        answer = decided(client, id=1)
        assert (answer["model_version"], answer["model_problem"]) == (None, ready["model_problem"])
        # A folder that was being copied: nobody touches champion.json again.
        broken.write_bytes(whole)
        wait_for(lambda: client.get("/readyz").json()["model_version"] == model.version, 20, "the whole model")
        answer = decided(client, id=2, client_id="new")
        assert (answer["model_version"], answer["model_problem"]) == (model.version, None)
        assert decided(client, id=1)["model_version"] is None


@pytest.mark.parametrize("method", ["scores", "contributions"])
@pytest.mark.parametrize("wrong", [math.nan, ZeroDivisionError("a secret")])
def test_whatever_a_model_raises_later_the_rules_decide(
    client: TestClient,
    champion: Model,
    database: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    method: str,
    wrong: float | Exception,
) -> None:
    known(client)
    predict = lightgbm.Booster.predict

    def broken(self: lightgbm.Booster, rows: Any, **given: Any) -> Any:
        if ("pred_contrib" in given) == (method == "scores"):
            return predict(self, rows, **given)
        if isinstance(wrong, Exception):
            raise wrong
        return np.asarray(predict(self, rows, **given)) * wrong

    # In fraud what the model rests on is asked, too.
    fraud = {"amount": 900.0, "merchant_state": "Italy", "merchant_city": "Rome", "merchant_id": "9"}
    by_model = client.post("/transaction?dry_run=true", json=post(100, **fraud)).json()
    assert by_model["model_version"] == champion.version
    monkeypatch.setattr(lightgbm.Booster, "predict", broken)
    answers = [decided(client, id=100 + number, **fraud) for number in range(20)]
    batch = client.post("/transactions", json={"transactions": [post(200, **fraud)]}).json()["results"]
    answers += [batch[0]["decision"], client.post("/transaction?dry_run=true", json=post(300, **fraud)).json()]
    for answer in answers:
        assert answer["model_version"] is None
        assert champion.version in answer["model_problem"]
        assert "secret" not in answer["model_problem"]
        assert {"country_new", "merchant_new"} <= {reason["code"] for reason in answer["reasons"]}
        assert not [reason for reason in answer["reasons"] if reason["code"].startswith("model")]
    assert decided(client, id=100, **fraud) == answers[0]
    problem = query(database, "SELECT model_problem FROM decisions WHERE id = 100")
    assert problem == [(answers[0]["model_problem"],)]
    assert client.get("/readyz").json()["model_problem"] == answers[0]["model_problem"]
    # Told once, not with every payment.
    assert len([record for record in caplog.records if "no opinion" in record.message]) == 1
    monkeypatch.undo()
    answer = decided(client, id=400, **fraud)
    assert (answer["model_version"], answer["model_problem"]) == (champion.version, None)


def test_a_model_that_fails_when_it_is_asked_again_is_counted_and_keeps_nobody_waiting(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    known(client)
    odd = {"amount": 900, "merchant_id": "9", "merchant_state": "Italy"}
    assert decided(client, id=100, **odd)["normal_if"] is not None
    asked, scores = [], Model.scores

    def once(self: Model, figures: np.ndarray[Any, Any]) -> Any:
        asked.append(figures)
        if len(asked) > 1:
            raise ZeroDivisionError
        return scores(self, figures)

    def failures() -> str:
        [line] = [one for one in client.get("/metrics").text.splitlines() if one.startswith(f"{name} ")]
        return line

    name = "fraudstack_model_failures_total"
    before = failures()
    monkeypatch.setattr(Model, "scores", once)
    answer = decided(client, id=101, **odd)
    assert (answer["suspicious"], answer["normal_if"], len(asked)) == (True, None, 2)
    assert failures() != before


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
    # As the job `profiles` leaves them, until the job `memories` has run.
    execute(f"sqlite:///{tmp_path}/transactions.db", "UPDATE profiles SET memory = NULL")
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
