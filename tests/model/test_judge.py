import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from fraudstack.model.judge import Outcomes, at_alerts, auc_roc, average_precision, card_precision

LABELLED = st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=60).filter(
    lambda rows: len({fraud for fraud, _ in rows}) == 2
)


@given(LABELLED)
def test_curves_are_those_of_scikit_learn(rows: list[tuple[bool, int]]) -> None:
    frauds = np.array([int(fraud) for fraud, _ in rows])
    scores = np.array([float(score) for _, score in rows])
    assert auc_roc(frauds, scores) == pytest.approx(roc_auc_score(frauds, scores))
    assert average_precision(frauds, scores) == pytest.approx(average_precision_score(frauds, scores))


def test_without_a_fraud_there_is_nothing_to_say() -> None:
    nothing = np.zeros(3, dtype=np.int64)
    assert np.isnan(auc_roc(nothing, np.arange(3.0)))
    assert np.isnan(average_precision(nothing, np.arange(3.0)))


def scored(*rows: tuple[int, str, int, float]) -> Outcomes:
    days, clients, frauds, scores = zip(*rows, strict=True)
    return Outcomes(np.array(days), np.array(clients), np.array(frauds), np.array(scores))


def test_card_precision_takes_a_client_once_a_day_and_not_again_when_found() -> None:
    found = scored(
        (1, "a", 0, 0.9),
        (1, "a", 1, 0.2),
        (1, "b", 0, 0.8),
        (1, "c", 1, 0.1),
        # Of a it is known already: b and c are looked at.
        (2, "a", 1, 0.9),
        (2, "b", 0, 0.8),
        (2, "c", 1, 0.7),
    )
    assert card_precision(found, most=2) == pytest.approx((1 / 2 + 1 / 2) / 2)


def test_alerts_are_counted_a_day() -> None:
    found = scored((1, "a", 1, 0.9), (1, "b", 0, 0.8), (2, "a", 1, 0.1), (2, "b", 1, 0.7))
    assert list(at_alerts(found, most=1)) == pytest.approx([1, 2 / 3])
    assert list(at_alerts(found, most=5)) == pytest.approx([3 / 4, 1])
