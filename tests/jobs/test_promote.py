"""A candidate is evaluated and promoted on the store: the floor, a veto, a sign-off; what was decided is in its log."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fraudstack.decisions import champions
from fraudstack.errors import InputError
from fraudstack.features.table import NAMES
from fraudstack.model import artefact, fit, registry
from fraudstack.model.fit import Tried
from fraudstack.settings import Settings
from fraudstack.storage import models
from jobs import evaluate, promote
from tests.jobs.databases import quiet, settings
from tests.model.made import examples

DATA = examples(rows=12_000, days=120)


def made(folder: Path, until: int) -> tuple[artefact.Model, Tried]:
    """A model in a folder, and its trial, of which the rules know nothing."""
    model, tried = fit.fitted(DATA, until, delay=7)
    assert tried is not None
    artefact.save(model, folder)
    return model, replace(tried, by_rules=np.random.default_rng(1).random(len(tried.scores)))


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Tried]:
    folder = tmp_path_factory.mktemp("earlier") / "model"
    return folder, made(folder, 85)[1]


@pytest.fixture(scope="module")
def later(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Tried]:
    folder = tmp_path_factory.mktemp("later") / "model"
    return folder, made(folder, 119)[1]


@pytest.fixture
def given(tmp_path: Path, database: str) -> Settings:
    return settings(tmp_path, database)


def laid_out(given: Settings, candidate: tuple[Path, Tried]) -> None:
    """The candidate as the training leaves it."""
    folder, tried = candidate
    laid = given.model_dir / registry.CANDIDATE
    artefact.save(artefact.load(folder, NAMES), laid)
    fit.save_tried(tried, laid)
    with champions.opened(given) as connection:
        champions.keep_candidate(connection, given.model_dir)


def refreshed(given: Settings, candidate: tuple[Path, Tried], run_id: str = "one") -> int:
    """What the steps after the training make of a candidate: 1 where it came into force."""
    laid_out(given, candidate)
    evaluate.run(given, run_id, quiet())
    return promote.run(given, run_id, quiet()).loaded


def log(given: Settings) -> list[models.Promotion]:
    with champions.opened(given) as connection:
        return models.promotions(connection)


def test_the_log_tells_what_was_found_and_who_signed_it_off(
    given: Settings, earlier: tuple[Path, Tried], later: tuple[Path, Tried]
) -> None:
    assert refreshed(given, earlier) == 1
    signed = given.model_copy(update={"model_signed_by": "ana"})
    assert refreshed(signed, later, "two") == 1
    second, first = log(given)
    assert (first.who, second.who) == ("run one", "run two, signed off by ana")
    assert (second.before, second.why["against"]) == (first.version, first.version)
    assert first.why["rules"] < first.why["of_trial"]
    assert {"loss", "champion_loss", "expected_to_observed", "upper_bound"} <= second.why.keys()


def test_what_is_below_the_floor_is_no_first_champion(given: Settings, earlier: tuple[Path, Tried]) -> None:
    folder, tried = earlier
    assert refreshed(given, (folder, replace(tried, by_rules=tried.examples.frauds.astype(np.float64)))) == 0
    assert log(given) == []


def test_a_refresh_never_puts_in_force_again_what_somebody_went_back_from(
    given: Settings, earlier: tuple[Path, Tried], later: tuple[Path, Tried], tmp_path: Path
) -> None:
    refreshed(given, earlier)
    refreshed(given, later, "two")
    with champions.opened(given) as connection:
        version = champions.roll_back(connection, given.model_dir, "ana").version
    # Another driver, which has nothing but the store.
    elsewhere = given.model_copy(update={"model_dir": tmp_path / "elsewhere"})
    assert refreshed(elsewhere, later, "three") == 0
    assert log(given)[0].version == version
    assert len(log(given)) == 3


def test_where_another_came_into_force_meanwhile_nothing_does(
    given: Settings, earlier: tuple[Path, Tried], later: tuple[Path, Tried]
) -> None:
    laid_out(given, earlier)
    evaluate.run(given, "one", quiet())
    with champions.opened(given) as connection:
        by_hand = champions.promote(connection, given.model_dir, later[0], "bo", {"reason": "by hand"})
    with pytest.raises(InputError, match=f"was held against no champion, and {by_hand.version} is in force by now"):
        promote.run(given, "one", quiet())
    assert [one.who for one in log(given)] == ["bo"]


def test_a_champion_that_cannot_be_used_is_as_good_as_none(
    given: Settings, earlier: tuple[Path, Tried], later: tuple[Path, Tried]
) -> None:
    refreshed(given, earlier)
    [first] = log(given)
    with champions.opened(given) as connection, connection.write(models.TURN):
        models.replace(connection, first.version, {})
    elsewhere = given.model_copy(update={"model_dir": given.model_dir.with_name("elsewhere")})
    assert refreshed(elsewhere, later, "two") == 1
    assert str(log(given)[0].why["reason"]).startswith("the champion can't be used: ")
