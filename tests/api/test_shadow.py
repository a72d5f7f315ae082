"""A challenger is asked beside the champion until a date: what it says is kept, and nobody's answer changes."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from fraudstack.decisions import champions
from fraudstack.errors import InputError
from fraudstack.model.artefact import Model
from fraudstack.settings import Settings
from tests.api.scorer import known, post, running
from tests.dags.airflow_process import wait_for
from tests.jobs.databases import query
from tests.model.made import kept_model

SECONDS = 20
FRAUD = {"amount": 900.0, "merchant_state": "Italy", "merchant_city": "Rome", "merchant_id": "9"}


@pytest.fixture
def client(driver: Settings, made: list[tuple[Path, Model]], tmp_path: Path, database: str) -> Iterator[TestClient]:
    """A scorer with a champion, which knows a client."""
    promoted(driver, made[0][0])
    with running(tmp_path / "scorer", database) as client:
        known(client)
        yield client


def promoted(driver: Settings, folder: Path) -> None:
    with champions.opened(driver) as connection:
        champions.promote(connection, driver.model_dir, folder, "ana", {"reason": "better"})


def cast(driver: Settings, folder: Path, **until: float) -> None:
    with champions.opened(driver) as connection:
        now = datetime.now(UTC).replace(tzinfo=None)
        champions.shadow(connection, folder, now + timedelta(**(until or {"days": 1})), "bo", "to see")


def broken(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    """Have a model fail whenever it is asked."""
    scores = Model.scores

    def failing(self: Model, figures: Any) -> Any:
        if self.version == version:
            raise ZeroDivisionError
        return scores(self, figures)

    monkeypatch.setattr(Model, "scores", failing)


def asked(client: TestClient, version: str | None) -> None:
    wait_for(lambda: client.get("/readyz").json()["challenger_version"] == version, SECONDS, f"{version} to be asked")


def decided(client: TestClient, id: int, **fields: Any) -> dict[str, Any]:
    answer = client.post("/transaction", json=post(id, **fields))
    assert answer.status_code == 200, answer.text
    return {name: value for name, value in answer.json().items() if name != "id"}


def said_beside(database: str, id: int) -> tuple[object, ...]:
    columns = "challenger_version, challenger_probability, probability"
    return query(database, f"SELECT {columns} FROM decisions WHERE id = {id}")[0]


def failures(client: TestClient) -> float:
    [line] = [
        one
        for one in client.get("/metrics").text.splitlines()
        if one.startswith("fraudstack_challenger_failures_total ")
    ]
    return float(line.split()[1])


@pytest.mark.parametrize("fields", [{}, FRAUD], ids=["usual", "fraud"])
def test_what_it_says_is_kept_beside_and_changes_nothing(
    client: TestClient, driver: Settings, made: list[tuple[Path, Model]], database: str, fields: dict[str, Any]
) -> None:
    before = client.post("/transaction?dry_run=true", json=post(500, **fields)).json()
    cast(driver, made[1][0])
    asked(client, made[1][1].version)
    answer = decided(client, 500, **fields)
    for name in answer.keys() - {"llm_status"}:
        assert answer[name] == before[name], name
    assert answer["model_version"] == made[0][1].version
    version, challengers, champions_own = said_beside(database, 500)
    assert version == made[1][1].version
    amount = fields.get("amount", 20.0)
    assert champions_own == pytest.approx(answer["expected_loss"] / amount, abs=0.01 / amount)
    assert challengers != champions_own
    # Of what nobody knows anything it says the same once it is in force, which ends its shadow: nobody asks twice.
    decided(client, 501, **{**fields, "client_id": "new", "merchant_id": "new"})
    _, challengers, _ = said_beside(database, 501)
    promoted(driver, made[1][0])
    wait_for(lambda: client.get("/readyz").json()["model_version"] == version, SECONDS, "the challenger in force")
    heard = decided(client, 502, **{**fields, "client_id": "newer", "merchant_id": "newer"})
    assert heard["expected_loss"] == pytest.approx(challengers * amount, abs=0.01)
    assert client.get("/readyz").json()["challenger_version"] is None
    assert said_beside(database, 502)[:2] == (None, None)


def test_without_a_champion_it_is_asked_beside_the_rules(
    driver: Settings, made: list[tuple[Path, Model]], tmp_path: Path, database: str
) -> None:
    cast(driver, made[1][0])
    with running(tmp_path / "scorer", database) as client:
        asked(client, made[1][1].version)
        assert decided(client, 1)["model_version"] is None
        version, probability, champions_own = said_beside(database, 1)
        assert (version, champions_own) == (made[1][1].version, None)
        assert 0 < probability < 1  # type: ignore[operator]


def test_its_failure_never_touches_the_answer_and_is_counted(
    client: TestClient,
    driver: Settings,
    made: list[tuple[Path, Model]],
    database: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cast(driver, made[1][0])
    asked(client, made[1][1].version)
    expected = client.post("/transaction?dry_run=true", json=post(600, **FRAUD)).json()
    broken(monkeypatch, made[1][1].version)
    counted = failures(client)
    answer = decided(client, 600, **FRAUD)
    assert (answer["model_problem"], answer["score"]) == (None, expected["score"])
    assert answer["reasons"] == expected["reasons"]
    assert said_beside(database, 600)[:2] == (None, None)
    assert failures(client) == counted + 1
    assert client.get("/readyz").json()["model_problem"] is None


def test_a_champions_failure_leaves_what_the_challenger_says(
    client: TestClient,
    driver: Settings,
    made: list[tuple[Path, Model]],
    database: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cast(driver, made[1][0])
    asked(client, made[1][1].version)
    broken(monkeypatch, made[0][1].version)
    assert decided(client, 601)["model_version"] is None
    version, _, champions_own = said_beside(database, 601)
    assert (version, champions_own) == (made[1][1].version, None)


def test_after_its_date_nobody_asks_it(
    client: TestClient, driver: Settings, made: list[tuple[Path, Model]], database: str
) -> None:
    cast(driver, made[1][0], seconds=8)
    asked(client, made[1][1].version)
    asked(client, None)
    decided(client, 700)
    assert said_beside(database, 700)[:2] == (None, None)
    with champions.opened(driver) as connection:
        assert champions.challenger(connection) is None
    with pytest.raises(InputError, match="that is over"):
        cast(driver, made[1][0], seconds=-1)


def test_a_person_ends_it_and_another_takes_its_place(
    client: TestClient, driver: Settings, made: list[tuple[Path, Model]], tmp_path: Path
) -> None:
    third = kept_model(tmp_path / "third", 3)
    cast(driver, made[1][0])
    asked(client, made[1][1].version)
    cast(driver, tmp_path / "third")
    asked(client, third.version)
    with champions.opened(driver) as connection:
        assert champions.end_shadow(connection, "ana", "enough was seen") == third.version
        with pytest.raises(InputError, match="no challenger is asked"):
            champions.end_shadow(connection, "ana", "enough was seen")
    asked(client, None)


def test_who_comes_into_force_by_going_back_is_asked_no_more(
    client: TestClient, driver: Settings, made: list[tuple[Path, Model]]
) -> None:
    promoted(driver, made[1][0])
    cast(driver, made[0][0])
    with champions.opened(driver) as connection:
        assert champions.challenger(connection) is not None
        champions.roll_back(connection, driver.model_dir, "ana")
        assert champions.challenger(connection) is None
        with pytest.raises(InputError, match="is the champion, and nobody's challenger"):
            champions.shadow(connection, made[0][0], datetime(9999, 1, 1), "ana", "")


def test_one_that_cannot_be_loaded_stops_nobody_and_is_taken_up_when_it_is_mended(
    client: TestClient,
    driver: Settings,
    made: list[tuple[Path, Model]],
    database: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("api.shadow._RETRY_SECONDS", 0.1)
    version = made[1][1].version
    with champions.opened(driver) as connection, monkeypatch.context() as patch:
        counted = failures(client)
        # The scorer looks on when its files are damaged already.
        whole = champions._files

        def damaged(model: Model, folder: Path) -> dict[str, bytes]:
            found = whole(model, folder)
            return found | {"model.txt": found["model.txt"][:900]}

        patch.setattr(champions, "_files", damaged)
        champions.shadow(connection, made[1][0], datetime(9999, 1, 1), "bo", "to see")
    wait_for(lambda: failures(client) > counted, SECONDS, "a try to load it")
    answer = decided(client, 800)
    assert (answer["model_version"], answer["model_problem"]) == (made[0][1].version, None)
    assert said_beside(database, 800)[:2] == (None, None)
    assert client.get("/readyz").json()["challenger_version"] is None
    cast(driver, made[1][0])
    asked(client, version)
