from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fraudstack.errors import InputError
from fraudstack.features.table import NAMES
from fraudstack.model.artefact import load, save
from fraudstack.model.fit import Examples, fit
from fraudstack.model.protocol import day_of, folds, judged_on
from tests.model.made import examples


def test_scores_are_probabilities() -> None:
    data = examples(rows=80_000)
    model = fit(data, until=59, delay=7)
    other = examples(rows=20_000, seed=2)
    scores = model.scores(other.figures)
    assert scores.mean() == pytest.approx(other.frauds.mean(), abs=0.02)
    for low, high in ((0.0, 0.1), (0.1, 0.3), (0.3, 0.7)):
        some = (scores >= low) & (scores < high)
        assert other.frauds[some].mean() == pytest.approx(scores[some].mean(), abs=0.04)


def test_nothing_after_the_last_day_is_learned() -> None:
    data = examples()
    later = data.days > 40
    flipped = replace(data, frauds=np.where(later, 1 - data.frauds, data.frauds))
    assert fit(data, until=40, delay=7).version == fit(flipped, until=40, delay=7).version
    assert fit(data, until=59, delay=7).version != fit(flipped, until=59, delay=7).version


@pytest.mark.parametrize(
    ("share", "rows", "sentence"),
    [(1.0, 200, "every labelled transaction"), (0.0, 2000, "has 0 labelled frauds"), (0.01, 2000, "a model needs 50")],
)
def test_too_little_to_learn_from_is_refused(share: float, rows: int, sentence: str) -> None:
    data = examples(rows)
    frauds = (np.arange(rows) < share * rows).astype(np.int64)
    with pytest.raises(InputError, match=sentence):
        fit(replace(data, frauds=frauds), until=59, delay=7)


def test_a_model_is_kept_whole(tmp_path: Path) -> None:
    data = examples()
    model = fit(data, until=59, delay=5)
    folder = tmp_path / "model"
    save(model, folder)
    save(model, folder)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    again = load(folder, NAMES)
    assert (again.version, again.label_delay) == (model.version, 5)
    assert np.array_equal(again.scores(data.figures), model.scores(data.figures))
    with pytest.raises(InputError, match="made for other features"):
        load(folder, NAMES[1:])
    (folder / "model.txt").write_text("no trees")
    with pytest.raises(InputError, match="isn't the one that its version"):
        load(folder, NAMES)
    with pytest.raises(InputError, match="there is no model in"):
        load(tmp_path / "other", NAMES)


def test_folds_are_the_weeks_of_the_protocol() -> None:
    [first, last] = folds("2018-06-20, 2018-07-11", 7)
    assert (first.until, first.test_from, first.test_to) == tuple(
        map(day_of, ("2018-06-26", "2018-07-04", "2018-07-10"))
    )
    assert (last.test_from, last.test_to) == (day_of("2018-07-25"), day_of("2018-07-31"))
    with pytest.raises(InputError, match="is no date"):
        folds("tomorrow", 7)


def test_clients_whose_fraud_was_known_are_not_judged() -> None:
    [fold] = folds("1970-01-11", 7)
    assert (fold.train_from, fold.until, fold.test_from) == (10, 16, 24)
    days = np.array([9, 10, 17, 24, 24, 24, 25])
    clients = np.array(["before", "known", "late", "before", "known", "late", "late"])
    frauds = np.array([1, 1, 1, 0, 0, 0, 0])
    data = Examples(np.zeros((7, len(NAMES)), np.float32), days, clients, frauds, np.ones(7), np.arange(7), days)
    # The fraud of day 17 is known on day 25.
    assert list(clients[judged_on(data, fold, 7)]) == ["before", "late"]
