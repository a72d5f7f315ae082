"""The champion is the store's: scorers that share no folder take it up, and go back, and say what they lack."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import datetime
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api import state
from fraudstack.decisions import champions
from fraudstack.errors import InputError
from fraudstack.model import champion as of_folder
from fraudstack.model import registry
from fraudstack.model.artefact import Model
from fraudstack.settings import Settings
from fraudstack.storage import models
from fraudstack.storage.connections.online import Connection
from fraudstack.storage.connections.store import parse
from tests.api.scorer import chosen, post, running
from tests.dags.airflow_process import wait_for
from tests.jobs.databases import execute, query
from tests.model.made import kept_model

# Five on a machine that does nothing else.
SECONDS = 20


@pytest.fixture
def scorers(tmp_path: Path, database: str) -> Iterator[list[TestClient]]:
    with ExitStack() as stack:
        yield [stack.enter_context(running(tmp_path / name, database)) for name in ("one", "other")]


def promoted(driver: Settings, folder: Path, who: str = "ana") -> None:
    with champions.opened(driver) as connection:
        champions.promote(connection, driver.model_dir, folder, who, {"reason": "better"})


def in_force(scorers: list[TestClient]) -> list[str | None]:
    return [client.get("/readyz").json()["model_version"] for client in scorers]


def test_every_scorer_takes_a_new_champion_up_and_goes_back(
    driver: Settings, scorers: list[TestClient], made: list[tuple[Path, Model]], database: str
) -> None:
    (first, one), (second, two) = made
    assert in_force(scorers) == [None, None]
    promoted(driver, first)
    wait_for(lambda: in_force(scorers) == [one.version] * 2, SECONDS, "the first champion")
    answers = [client.post("/transaction", json=post(n)).json() for n, client in enumerate(scorers)]
    assert [answer["model_problem"] for answer in answers] == [None, None]
    promoted(driver, second, "bo")
    wait_for(lambda: in_force(scorers) == [two.version] * 2, SECONDS, "the second champion")
    with champions.opened(driver) as connection:
        assert champions.roll_back(connection, driver.model_dir, "cy").version == one.version
    wait_for(lambda: in_force(scorers) == [one.version] * 2, SECONDS, "the first champion again")
    log = query(database, "SELECT version, before, who FROM promotions ORDER BY number")
    assert log == [(one.version, None, "ana"), (two.version, one.version, "bo"), (one.version, two.version, "cy")]


def test_a_scorer_that_starts_has_the_champion_at_once(
    driver: Settings, tmp_path: Path, database: str, made: list[tuple[Path, Model]]
) -> None:
    promoted(driver, made[0][0])
    with running(tmp_path / "new", database) as client:
        assert in_force([client]) == [made[0][1].version]
    # The card came with it.
    folder = of_folder.of_version(tmp_path / "new" / "model", made[0][1].version)
    assert {"model.txt", "model.json", "card.md"} <= {path.name for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("DELETE FROM model_files", "doesn't have it"),
        ("UPDATE model_files SET content = substr(content, 1, 900) WHERE name = 'model.txt'", "isn't the one that"),
        (
            "UPDATE model_files SET content = (SELECT content FROM model_files f WHERE f.name = model_files.name"
            " AND f.version = '{first}') WHERE version = '{second}'",
            "has another model than",
        ),
    ],
)
def test_a_champion_that_cannot_be_had_is_told_and_the_old_stays(
    driver: Settings,
    scorers: list[TestClient],
    made: list[tuple[Path, Model]],
    database: str,
    damage: str,
    said: str,
    tmp_path: Path,
) -> None:
    (first, one), (second, two) = made
    promoted(driver, first)
    wait_for(lambda: in_force(scorers) == [one.version] * 2, SECONDS, "the first champion")
    with closing(Connection(parse(database))) as connection, connection.write():
        models.replace(connection, two.version, {file.name: file.read_bytes() for file in second.iterdir()})
    execute(database, damage.format(first=one.version, second=two.version))
    with closing(Connection(parse(database))) as connection, connection.write():
        models.promote(connection, two.version, "ana", {}, datetime(2026, 1, 1))

    def problem() -> bool:
        told = [client.get("/readyz").json()["model_problem"] or "" for client in scorers]
        return all(two.version in one and said in one for one in told)

    wait_for(problem, SECONDS, said)
    assert in_force(scorers) == [one.version] * 2
    # Nor does a folder get it.
    with pytest.raises(InputError, match=said):
        champions.fetch(driver.model_copy(update={"model_dir": tmp_path / "elsewhere"}))
    assert of_folder.facts(tmp_path / "elsewhere") is None
    # One count of the process, which both of these scorers set.
    measured = "fraudstack_model_problem 1.0"
    wait_for(lambda: all(measured in client.get("/metrics").text for client in scorers), SECONDS, measured)


def test_what_is_watched_is_of_the_model_in_force_alone(
    driver: Settings,
    scorers: list[TestClient],
    made: list[tuple[Path, Model]],
    database: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(state, "_CATEGORIES_EVERY", 1)
    (first, one), (second, _) = made
    promoted(driver, first)
    execute(
        database,
        "INSERT INTO model_days (day, model_version, measure, value, sample)"
        f" VALUES ('2019-01-01', '{one.version}', 'outside:frauds', 2, 1)",
    )

    def shown(value: str) -> bool:
        told = f'fraudstack_model_watched{{measure="outside:frauds"}} {value}'
        return all(told in client.get("/metrics").text for client in scorers)

    wait_for(lambda: shown("2.0"), SECONDS, "what is watched of the first")
    promoted(driver, second)
    wait_for(lambda: shown("NaN"), 2 * SECONDS, "nothing of the second")


def test_what_was_in_force_before_there_was_a_registry_can_be_gone_back_to(
    driver: Settings, made: list[tuple[Path, Model]]
) -> None:
    (first, one), (second, _) = made
    registry.promote(driver.model_dir, first, {})
    promoted(driver, second)
    with champions.opened(driver) as connection:
        assert champions.roll_back(connection, driver.model_dir, "ana").version == one.version


def test_without_one_before_there_is_nothing_to_go_back_to(driver: Settings, made: list[tuple[Path, Model]]) -> None:
    with champions.opened(driver) as connection:
        for _ in range(2):
            with pytest.raises(InputError, match="there was no champion before"):
                champions.roll_back(connection, driver.model_dir, "ana")
            champions.promote(connection, driver.model_dir, made[0][0], "ana", {})


def test_going_back_again_goes_further_back_and_never_forth(
    driver: Settings, made: list[tuple[Path, Model]], tmp_path: Path
) -> None:
    third = kept_model(tmp_path / "third", 3)
    for folder in (made[0][0], made[1][0], tmp_path / "third"):
        promoted(driver, folder)
    with champions.opened(driver) as connection:
        gone_back = [champions.roll_back(connection, driver.model_dir, "ana").version for _ in range(2)]
        assert gone_back == [made[1][1].version, made[0][1].version]
        assert set(champions.vetoed(connection)) == {third.version, made[1][1].version}
        with pytest.raises(InputError, match="there was no champion before"):
            champions.roll_back(connection, driver.model_dir, "ana")


def test_what_was_rolled_back_from_is_put_in_force_by_a_person_alone_who_says_so(
    driver: Settings, made: list[tuple[Path, Model]], tmp_path: Path, database: str
) -> None:
    (first, one), (second, two) = made
    promoted(driver, first)
    promoted(driver, second)
    with champions.opened(driver) as connection:
        champions.roll_back(connection, driver.model_dir, "ana")
    # Any other driver knows it.
    elsewhere = chosen(tmp_path / "elsewhere", database)
    with champions.opened(elsewhere) as connection:
        assert set(champions.vetoed(connection)) == {two.version}
        found = {"reason": "better", "against": one.version}
        with pytest.raises(InputError, match=f"{two.version} was rolled back from by ana on .* --after-rollback"):
            champions.promote(connection, elsewhere.model_dir, second, "run 7", found, judged=True)
        assert champions.in_force(connection, elsewhere.model_dir) == one.version
        champions.promote(connection, elsewhere.model_dir, second, "bo", {"reason": "mended"}, knowing=True)
        assert not champions.vetoed(connection)
        latest = models.latest(connection)
    assert latest is not None
    assert latest.why["after_rollback"].startswith("by ana on ")
    assert (latest.version, latest.who) == (two.version, "bo")


def test_a_candidate_comes_into_force_only_over_the_champion_that_it_was_held_against(
    driver: Settings, made: list[tuple[Path, Model]]
) -> None:
    (first, one), (second, two) = made
    with champions.opened(driver) as connection:
        champions.promote(connection, driver.model_dir, first, "run 1", {"against": None}, judged=True)
        with pytest.raises(InputError, match=f"was held against no champion, and {one.version} is in force by now"):
            champions.promote(connection, driver.model_dir, second, "run 2", {"against": None}, judged=True)
        champions.promote(connection, driver.model_dir, second, "run 2", {"against": one.version}, judged=True)
        assert champions.in_force(connection, driver.model_dir) == two.version


def test_of_drivers_at_once_each_knows_whom_it_replaced(
    tmp_path: Path, database: str, made: list[tuple[Path, Model]]
) -> None:
    def drive(number: int) -> None:
        driver = chosen(tmp_path / f"driver{number}", database)
        for _ in range(4):
            promoted(driver, made[number % 2][0], f"driver {number}")

    with ThreadPoolExecutor(4) as drivers:
        list(drivers.map(drive, range(4)))
    log = query(database, "SELECT version, before FROM promotions ORDER BY number")
    assert len(log) == 16
    assert [before for _, before in log] == [None, *(version for version, _ in log[:-1])]


def test_a_version_promoted_again_mends_its_files(
    driver: Settings, tmp_path: Path, made: list[tuple[Path, Model]], database: str
) -> None:
    promoted(driver, made[0][0])
    execute(
        database,
        "UPDATE model_files SET content = substr(content, 1, 900) WHERE name = 'model.txt'",
        "DELETE FROM model_files WHERE name = 'card.md'",
    )
    promoted(driver, made[0][0])
    with running(tmp_path / "new", database) as client:
        assert in_force([client]) == [made[0][1].version]
        assert client.get("/readyz").json()["model_problem"] is None
    folder = of_folder.of_version(tmp_path / "new" / "model", made[0][1].version)
    assert (folder / "card.md").read_bytes() == (made[0][0] / "card.md").read_bytes()


def test_a_model_is_at_hand_by_its_folder_or_by_the_name_that_the_store_has_for_it(
    driver: Settings, tmp_path: Path, made: list[tuple[Path, Model]]
) -> None:
    promoted(driver, made[0][0])
    with champions.opened(driver) as connection:
        for named in (str(made[0][0]), made[0][1].version):
            with champions.at_hand(connection, named) as folder:
                assert (folder / "model.txt").exists()
        with pytest.raises(InputError, match="there is no model in nowhere, and the store"):
            champions.at_hand(connection, "nowhere").__enter__()


def test_steps_that_share_no_folder_have_the_candidate(
    driver: Settings, tmp_path: Path, database: str, made: list[tuple[Path, Model]]
) -> None:
    other = chosen(tmp_path / "elsewhere", database)
    candidate = driver.model_dir / "candidate"
    candidate.parent.mkdir(parents=True)
    made[0][0].rename(candidate)
    with champions.opened(driver) as connection:
        champions.keep_candidate(connection, driver.model_dir)
        found = champions.fetch_candidate(connection, other.model_dir)
    assert found != candidate
    assert {path.name: path.read_bytes() for path in found.iterdir()} == {
        path.name: path.read_bytes() for path in candidate.iterdir()
    }
