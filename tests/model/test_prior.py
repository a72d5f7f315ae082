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


def test_contributions_are_what_tells_two_log_odds_apart(model: Model) -> None:
    rows = DATA.figures[:2].copy()
    rows[1, STATE] = 0.6
    odds = [np.log(score / (1 - score)) for score in model.scores(rows)]
    sums = [model.contributions(row).sum() for row in rows.tolist()]
    assert odds[1] - odds[0] == pytest.approx(sums[1] - sums[0], rel=1e-6)
