"""What is known of a place or category counts even where no tree has seen the like."""

import numpy as np
import pytest

from fraudstack.features.table import NAMES
from fraudstack.model import prior
from fraudstack.model.artefact import Model
from fraudstack.model.fit import fit
from tests.model.made import examples

DATA = examples(rows=20_000, days=100)
STATE, MCC = NAMES.index("state_fraud_rate_30d"), NAMES.index("mcc_fraud_rate_30d")
ONLINE, CHANNEL = NAMES.index("online"), NAMES.index("channel_fraud_rate_30d")


@pytest.fixture(scope="module")
def model() -> Model:
    DATA.figures[:, [STATE, MCC]] = np.nan
    return fit(DATA, until=99, delay=7)


def test_a_place_where_fraud_is_known_is_suspicious_though_none_was_when_it_learned(model: Model) -> None:
    quiet = DATA.figures[DATA.frauds == 0][:200]
    assert np.mean(model.scores(quiet)) < 0.2
    quiet = quiet.copy()
    quiet[:, STATE] = 0.8
    assert np.mean(model.scores(quiet)) > 0.9


def test_the_higher_rate_counts_and_what_nobody_knows_is_the_least() -> None:
    rows = np.full((4, len(NAMES)), np.nan)
    rows[1, STATE], rows[2, MCC] = 0.2, 0.2
    rows[3, [STATE, MCC]] = 0.2, 0.1
    least, *others = prior.log_odds(rows, NAMES)
    assert others == pytest.approx([np.log(0.2 / 0.8)] * 3)
    assert least == pytest.approx(np.log(0.001 / 0.999))


def test_online_the_channels_rate_counts_down_to_a_floor_of_its_own() -> None:
    rows = np.full((4, len(NAMES)), np.nan)
    rows[:, ONLINE], rows[:, MCC] = 1, 0.3
    rows[:3, CHANNEL] = 0.02, 0.0004, 0
    rates = 1 / (1 + np.exp(-prior.log_odds(rows, NAMES)))
    # Of a channel of which nothing is known, nothing says that it is harmless.
    assert rates == pytest.approx([0.02, 0.0004, 0.0001, 0.001])
    said = [prior.contribution(rows[at : at + 1], NAMES) for at in range(4)]
    assert [place for place, _ in said] == [CHANNEL] * 4
    assert said[0][1] > 0 > said[1][1] > said[2][1]
    assert said[3][1] == pytest.approx(0)
    rows[:, ONLINE] = 0
    assert prior.log_odds(rows, NAMES) == pytest.approx([np.log(0.3 / 0.7)] * 4)


def test_contributions_are_what_tells_two_log_odds_apart(model: Model) -> None:
    rows = DATA.figures[:2].copy()
    rows[0, [ONLINE, CHANNEL]] = 1, 0.002
    rows[1, STATE] = 0.6
    odds = [np.log(score / (1 - score)) for score in model.scores(rows)]
    sums = [model.contributions(row).sum() for row in rows.tolist()]
    assert odds[1] - odds[0] == pytest.approx(sums[1] - sums[0], rel=1e-6)


def test_no_tree_asks_what_a_score_begins_with() -> None:
    data = examples()
    for name in prior.BEGINS:
        # In these days it tells the frauds; in others it would tell the days.
        data.figures[:, NAMES.index(name)] = 0.1 + 0.5 * data.frauds
    shares = fit(data, until=59, delay=7).facts["importance"]
    assert {shares[name] for name in prior.BEGINS} == {0}
    assert sum(shares.values()) == pytest.approx(1)
