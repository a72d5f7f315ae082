import math
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from fraudstack.features import table
from fraudstack.features.client import ClientMemory
from fraudstack.features.table import FEATURES, NAMES
from fraudstack.model.artefact import Model
from fraudstack.model.online import Opinion, alerted_up_to, opinion, reason, weight
from fraudstack.profiles.event import Event
from fraudstack.profiles.profile import Profile
from fraudstack.rules import config
from fraudstack.rules.case import Case, Reason, case_of
from fraudstack.rules.config import RulesFile
from fraudstack.rules.decide import Verdict, combined, decide
from tests.model.made import kept_model

RULES = config.load(config.DEFAULT).file


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return kept_model(tmp_path_factory.mktemp("model") / "made")


def bounds(**given: float) -> RulesFile:
    return RULES.model_copy(update={"model": config.Voice(**given)})


def asked(rules: RulesFile, cents: int = 10_00) -> Case:
    """What a model is asked of."""
    return case_of(Event(1, "a", 0, cents), Profile("a"), rules)


def test_with_costs_an_alert_is_raised_where_it_is_worth_its_review(model: Model) -> None:
    costs = config.Costs(review=4, friction=2, recovered=0.9)
    rules = RULES.model_copy(update={"costs": costs})
    # 0.0652 * 100 * 0.9 is 4 + 0.9348 * 2.
    assert rules.alert_at(100_00) == pytest.approx(6 / 92)
    assert rules.alert_at(-100_00) == rules.alert_at(100_00)
    assert RULES.alert_at(100_00) == RULES.model.alert_at
    for probability, alarms in ((6.6 / 92, True), (5.4 / 92, False)):
        reason = Opinion(model, [0.0] * len(NAMES), probability).reason(asked(rules, 100_00))
        assert reason is not None
        assert (reason.weight >= rules.decision.suspicious_at) is alarms
        assert reason.figures["expected_loss"] == round(probability * 100, 2)
        assert reason.text == f"the model gives {probability:.1%} of 100.00"
    # Little isn't worth a look, and nothing never is.
    assert rules.alert_at(5_00) > 0.9
    assert rules.alert_at(0) < 1
    # From where an alert is worth it a model speaks, below speaks_at too.
    assert Opinion(model, [0.0] * len(NAMES), 0.001).reason(asked(rules, 10_000_00)) is not None


def test_with_a_budget_a_model_alerts_where_so_much_is_at_stake_or_all_is_clear() -> None:
    budget = config.Budget(alerts_a_day=20, least_loss=12.5)
    rules = RULES.model_copy(update={"budget": budget})
    assert rules.alert_at(100_00) == rules.alert_at(-100_00) == 0.125
    # Little is at stake: the fixed threshold holds, and what it finds is below the budget.
    assert rules.alert_at(10_00) == rules.alert_at(0) == rules.model.alert_at
    assert rules.below_budget(12.49)
    assert not rules.below_budget(12.5)
    # What it is worth is said by the costs, where they are stated.
    costs = config.Costs(review=4)
    assert rules.model_copy(update={"costs": costs}).alert_at(100_00) == costs.alert_at(100_00)
    without = rules.model_copy(update={"budget": config.Budget(alerts_a_day=20)})
    assert without.alert_at(100_00) == RULES.model.alert_at
    assert not without.below_budget(0.0)


@pytest.mark.parametrize("others", [(), (0.3,), (0.3, 0.2), (0.45, 0.2), (0.5,), (0.1, 0.2, 0.25)])
@pytest.mark.parametrize("probability", [0.0005, 0.01, 0.0199, 0.02, 0.1, 0.29, 0.31, 0.7, 0.9999])
def test_the_highest_threshold_that_alerts_is_that_with_which_it_is_decided(
    probability: float, others: tuple[float, ...]
) -> None:
    more = [Reason(f"rule {at}", weight, {}, "") for at, weight in enumerate(others)]

    def verdict(alert_at: float) -> Verdict:
        case = asked(bounds(alert_at=alert_at))
        said = reason(probability, "one", case)
        return decide(case, more=[*more, *([said] if said else [])])

    highest = alerted_up_to(probability, verdict(0.3), RULES)
    for alert_at in (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 0.95):
        # Scores have four decimals.
        if not math.isclose(alert_at, highest, rel_tol=2e-3):
            assert verdict(alert_at).suspicious == (alert_at <= highest), (alert_at, highest)
    assert alerted_up_to(None, verdict(0.3)._replace(reasons=tuple(more)), RULES) == float(combined(others) >= 0.5)


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
    weights = [weight(float(p), 0.2, rules) for p in probabilities]
    assert weights == sorted(weights)
    assert weight(0.2, 0.2, rules) == pytest.approx(rules.decision.suspicious_at)
    assert 0 <= weights[0] < weights[-1] < 1


def test_a_model_is_silent_below_speaks_at(model: Model) -> None:
    figures = [0.0] * len(NAMES)
    assert Opinion(model, figures, 0.049).reason(asked(bounds(speaks_at=0.05))) is None
    spoken = Opinion(model, figures, 0.05).reason(asked(bounds(speaks_at=0.05)))
    assert spoken is not None
    assert spoken.text == "the model gives 5.0%"
    assert spoken.figures == {"probability": 0.05, "model_version": model.version}


@pytest.mark.parametrize("seed", range(20))
def test_the_parts_weigh_what_the_whole_does(model: Model, seed: int) -> None:
    figures = np.random.default_rng(seed).normal(1, 1, len(NAMES)).tolist()
    whole = Opinion(model, figures, 0.4).reason(asked(RULES))
    assert whole is not None
    parts = Opinion(model, figures, 0.4).reasons(whole)
    assert {part.code for part in parts} <= set(table.CODES)
    assert len({part.code for part in parts}) == len(parts)
    assert combined([part.weight for part in parts]) == combined([whole.weight])
    assert all(part.text.startswith("the model") and part.figures["probability"] == 0.4 for part in parts)


class Odd:
    """A model to which every feature speaks for fraud, the first most, but for those that are named."""

    version, features = "odd", NAMES

    def __init__(self, *against: str) -> None:
        self.against = against

    def contributions(self, figures: Sequence[float]) -> list[float]:
        return [-5.0 if name in self.against else 100.0 - place for place, name in enumerate(NAMES)]


def told(figures: Mapping[str, float], *against: str) -> list[Reason]:
    """The reasons of a transaction of which all else is ordinary, known or not."""
    values = [figures.get(name, 12.0 if FEATURES[name].grows else math.nan) for name in NAMES]
    found = Opinion(Odd(*against), values, 0.4)  # type: ignore[arg-type]
    whole = found.reason(asked(RULES))
    assert whole is not None
    return found.reasons(whole)


def test_only_what_is_out_of_the_ordinary_is_a_reason() -> None:
    [one] = told({"client_merchant_seen": 561, "client_state_seen": 0, "online": 0, "amount_to_mean": 1.4})
    assert (one.code, one.text) == ("model_novelty", "the model: first state or country")
    texts = " ".join(one.text for one in told({"client_mcc_seen": 0, "amount_to_mean": 3, "client_frauds_30d": 2}))
    assert "first merchant category" in texts
    assert "amount 3.0 times this client's mean" in texts
    assert "2 known frauds of this client" in texts


def test_who_sells_online_is_in_no_first_state() -> None:
    texts = " ".join(one.text for one in told({"client_state_seen": 0, "client_channel_seen": 0, "online": 1}))
    assert "first channel" in texts
    assert "state" not in texts


def test_where_nothing_alone_is_odd_that_is_said() -> None:
    [one] = told({"online": 1, "client_merchant_seen": 561})
    assert (one.code, one.text) == ("model", "the model gives 40.0%, though nothing alone is out of the ordinary")


def test_what_is_typical_stands_beside() -> None:
    [one] = told({"client_merchant_seen": 561, "client_channel_seen": 0, "online": 1}, "client_merchant_seen")
    assert one.text == "the model: first channel (typical: merchant used 561 times before)"


def test_contributions_are_what_the_log_odds_are_made_of(model: Model) -> None:
    rows = np.random.default_rng(3).normal(size=(5, len(NAMES)))
    alike = np.log(model.scores(rows) / (1 - model.scores(rows))) - [model.contributions(row).sum() for row in rows]
    assert alike == pytest.approx([alike[0]] * 5, abs=1e-6)


def test_where_nothing_is_known_an_opinion_is_given(model: Model) -> None:
    found = opinion(model, Event(1, "a", 0, 1000), ClientMemory(), {})
    assert len(found.figures) == len(NAMES)
    assert 0 < found.probability < 1
    whole = found.reason(asked(bounds(speaks_at=1e-9)))
    assert whole is not None
    assert "NaN" not in str(found.reasons(whole))
