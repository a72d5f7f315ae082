import json

import numpy as np
import pytest

from fraudstack.model.drift import LEAST_SAMPLE, SCORE_EDGES, SHIFTED, counted, indices, reference, stability

ONES = np.ones(20_000)


def drawn(rows: int, shift: float = 0.0, seed: int = 2) -> dict[str, np.ndarray]:
    chance = np.random.default_rng(seed)
    amount = chance.lognormal(3 + shift, 1, rows)
    rare = np.where(chance.random(rows) < 0.3 + shift / 2, np.nan, chance.normal(size=rows))
    flag = (chance.random(rows) < 0.1 + shift / 4).astype(float)
    return {"amount": amount, "rare": rare, "flag": flag, "constant": np.full(rows, 7.0)}


def test_a_reference_is_shares_that_add_up_and_goes_through_json() -> None:
    found = reference(drawn(20_000), ONES)
    assert json.loads(json.dumps(found)) == found
    for one in found.values():
        assert len(one["shares"]) == len(one["edges"]) + 2
        assert sum(one["shares"]) == pytest.approx(1)
    assert found["rare"]["shares"][-1] == pytest.approx(0.3, abs=0.02)
    assert max(found["amount"]["shares"]) < 0.11


def test_weights_stand_for_what_was_left_out() -> None:
    values = np.array([1.0, 1.0, 5.0])
    found = reference({"x": values}, np.array([1.0, 1.0, 8.0]))["x"]
    assert found["shares"][:-1][-1] == pytest.approx(0.8)


@pytest.mark.parametrize("rows", [LEAST_SAMPLE, 2000, 20_000])
def test_the_same_population_is_stable(rows: int) -> None:
    known = reference(drawn(20_000), ONES)
    found = indices(known, drawn(rows, seed=3))
    assert set(found) == {"amount", "rare", "flag", "constant"}
    assert max(found.values()) < SHIFTED / 4


def test_another_population_is_a_shift() -> None:
    found = indices(reference(drawn(20_000), ONES), drawn(2000, shift=0.8))
    assert min(found["amount"], found["rare"], found["flag"]) > SHIFTED
    assert found["constant"] == 0


def test_of_few_transactions_nothing_is_said() -> None:
    known = reference(drawn(20_000), ONES)
    assert indices(known, drawn(LEAST_SAMPLE - 1, shift=5)) == {}


def test_what_was_never_there_is_finite() -> None:
    known = reference({"x": np.zeros(1000)}, np.ones(1000))
    found = indices(known, {"x": np.full(1000, np.nan), "unknown": np.zeros(1000)})
    assert set(found) == {"x"}
    assert 1 < found["x"] < 100


def test_bins_are_those_of_a_count_by_hand() -> None:
    values = np.array([0.0, 1.0, 1.5, 2.0, np.nan, 9.0])
    assert counted(values, [1.0, 2.0]).tolist() == [2, 2, 1, 1]
    assert stability([0.5, 0.5], np.array([600.0, 400.0])) == pytest.approx(0.1 * np.log(0.6 / 0.4) - 0.001, abs=1e-6)


def test_scores_that_all_mean_no_fraud_have_not_moved() -> None:
    chance = np.random.default_rng(1)
    low, lower = (np.exp(-mean - chance.normal(size=20_000)) for mean in (30, 70))
    known = reference({"score": low}, ONES, SCORE_EDGES)
    assert indices(known, {"score": lower})["score"] < 0.01
    assert indices(known, {"score": np.where(np.arange(20_000) % 5 == 0, 0.2, lower)})["score"] > SHIFTED
