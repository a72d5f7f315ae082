import math

import numpy as np
import pytest

from fraudstack.features import table
from fraudstack.features.client import ClientMemory
from fraudstack.features.table import NAMES
from fraudstack.model.artefact import Model
from fraudstack.model.online import Opinion, opinion, weight
from fraudstack.profiles.event import Event
from fraudstack.rules import config
from fraudstack.rules.config import RulesFile
from fraudstack.rules.decide import combined
from tests.model.made import kept_model

RULES = config.load(config.DEFAULT).file


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return kept_model(tmp_path_factory.mktemp("model") / "made")


def bounds(**given: float) -> RulesFile:
    return RULES.model_copy(update={"model": config.Voice(**given)})


def test_every_feature_has_its_words_in_one_group() -> None:
    named = [name for group in table.GROUPS.values() for name in group]
    assert sorted(named) == sorted(NAMES)
    for name in NAMES:
        for value in (0.0, 1.0, 0.25, 12345.678):
            assert table.in_words(name, value).strip()
        assert table.in_words(name, math.nan) == f"nothing is known yet of {name.replace('_', ' ')}"


def test_one_is_not_many() -> None:
    assert table.in_words("client_count_1h", 1) == "1 transaction of this client in the hour before"
    assert table.in_words("client_merchant_seen", 2) == "merchant used 2 times before"
    assert table.in_words("client_merchant_seen", 0) == "first merchant"
    assert table.in_words("merchant_days_since_fraud", 1) == "1 day since the merchant's last known fraud"
    assert table.in_words("client_seconds_since_last", 7200) == "2 hours since the client's last transaction"


def test_the_weight_rises_with_the_probability_and_alarms_alone_from_alert_at_on() -> None:
    rules = bounds(speaks_at=0.02, alert_at=0.2)
    probabilities = np.linspace(0, 1, 500)
    weights = [weight(float(p), rules) for p in probabilities]
    assert weights == sorted(weights)
    assert weight(0.2, rules) == pytest.approx(rules.decision.suspicious_at)
    assert 0 <= weights[0] < weights[-1] < 1


def test_a_model_is_silent_below_speaks_at(model: Model) -> None:
    figures = [0.0] * len(NAMES)
    assert Opinion(model, figures, 0.049).reason(bounds(speaks_at=0.05)) is None
    spoken = Opinion(model, figures, 0.05).reason(bounds(speaks_at=0.05))
    assert spoken is not None
    assert spoken.text == "the model gives 5.0%"
    assert spoken.figures == {"probability": 0.05, "model_version": model.version}


@pytest.mark.parametrize("seed", range(20))
def test_the_parts_weigh_what_the_whole_does(model: Model, seed: int) -> None:
    figures = np.random.default_rng(seed).normal(1, 1, len(NAMES)).tolist()
    whole = Opinion(model, figures, 0.4).reason(RULES)
    assert whole is not None
    parts = Opinion(model, figures, 0.4).reasons(whole)
    assert {part.code for part in parts} <= set(table.CODES)
    assert len({part.code for part in parts}) == len(parts)
    assert combined([part.weight for part in parts]) == combined([whole.weight])
    assert all(part.text.startswith("the model: ") and part.figures["probability"] == 0.4 for part in parts)


def test_contributions_are_what_the_log_odds_are_made_of(model: Model) -> None:
    rows = np.random.default_rng(3).normal(size=(5, len(NAMES)))
    alike = np.log(model.scores(rows) / (1 - model.scores(rows))) - [model.contributions(row).sum() for row in rows]
    assert alike == pytest.approx([alike[0]] * 5, abs=1e-6)


def test_where_nothing_is_known_an_opinion_is_given(model: Model) -> None:
    found = opinion(model, Event(1, "a", 0, 1000), ClientMemory(), {})
    assert len(found.figures) == len(NAMES)
    assert 0 < found.probability < 1
    whole = found.reason(bounds(speaks_at=1e-9))
    assert whole is not None
    assert "NaN" not in str(found.reasons(whole))
