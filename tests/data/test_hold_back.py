"""What is kept back from a generated set is out of it, and can be posted."""

import json
from pathlib import Path

import pytest

from data.generate import generate
from data.hold_back import hold_back
from data.stream import stream
from fraudstack.errors import InputError, StoreError
from fraudstack.report.stream import Tally
from tests.api.served import environment, free_port, served


def rows(file: Path) -> list[str]:
    return file.read_text().splitlines()[1:]


def labels(file: Path) -> dict[str, str]:
    found: dict[str, str] = json.loads(file.read_text())["target"]
    return found


def test_rows_and_labels_are_divided_and_the_frauds_are_kept_back(tmp_path: Path) -> None:
    generate(20_000, 1, tmp_path)
    before = rows(tmp_path / "transactions_data.csv")
    said = labels(tmp_path / "train_fraud_labels.json")
    held = hold_back(tmp_path, 100)
    kept, left = rows(tmp_path / "held_back.csv"), rows(tmp_path / "transactions_data.csv")
    assert (len(kept), held.transactions) == (100, 100)
    assert sorted(kept + left, key=before.index) == before
    ids = {row.partition(",")[0] for row in kept}
    assert labels(tmp_path / "held_back_labels.json") == {id: answer for id, answer in said.items() if id in ids}
    assert labels(tmp_path / "train_fraud_labels.json") == {id: said[id] for id in said if id not in ids}
    late = {row.partition(",")[0] for row in before[18_000:]}
    assert ids <= late
    assert held.frauds == sum(said.get(id) == "Yes" for id in late) > 0


def test_a_set_that_is_too_small_is_refused_and_stays(tmp_path: Path) -> None:
    generate(100, 1, tmp_path)
    before = rows(tmp_path / "transactions_data.csv")
    with pytest.raises(ValueError, match="that needs 500"):
        hold_back(tmp_path, 50)
    assert rows(tmp_path / "transactions_data.csv") == before


@pytest.mark.slow
def test_a_raw_file_is_posted_row_by_row(tmp_path: Path) -> None:
    generate(3_000, 2, tmp_path)
    hold_back(tmp_path, 60)
    csv, truth = tmp_path / "held_back.csv", tmp_path / "held_back_labels.json"
    with served(tmp_path, environment(tmp_path, f"sqlite:///{tmp_path}/transactions.db")) as (url, _):
        tally = Tally()
        for found in stream(csv, truth, url, None):
            assert found.answer is not None
            tally.add(found.transaction, found.answer, found.is_fraud, found.milliseconds)
        assert sum(tally.decisions.values()) == 60
        assert tally.sentence().startswith("60 posted: ")
        # Posted again, each has its stored decision.
        assert [found.answer and found.answer["id"] for found in stream(csv, None, url, None)] == [
            int(row.partition(",")[0]) for row in rows(csv)
        ]


def test_a_scorer_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    generate(600, 2, tmp_path)
    hold_back(tmp_path, 60)
    with pytest.raises(StoreError, match="there is no scorer at"):
        next(stream(tmp_path / "held_back.csv", None, f"http://127.0.0.1:{free_port()}", None))
    with pytest.raises(InputError, match="can't be read"):
        next(stream(tmp_path / "nowhere.csv", None, "http://127.0.0.1:1", None))
