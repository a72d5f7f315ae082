"""The history is decided by what was known at each time, each part by a model made before it."""

import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from fraudstack.decisions import champions
from fraudstack.decisions.again import score_again
from fraudstack.features.table import CODES, GROUPS
from fraudstack.model import drift, registry
from fraudstack.rules import config
from fraudstack.settings import Settings
from fraudstack.storage.decisions.batch_days import FIGURES
from jobs import decide, evaluate, promote, train, watch
from tests.jobs.databases import MadeOnce, execute, query, quiet, settings
from tests.jobs.of_amounts import ROWS, of_amounts

pytestmark = pytest.mark.slow

# Past the end of two years.
DAYS = 800
_COUNTED = """SELECT substr(CAST(t.date AS TEXT), 1, 10), coalesce(d.model_version, ''), count(*), sum(d.suspicious),
    count(t.is_fraud), sum(t.is_fraud), sum(CASE WHEN t.is_fraud IS NULL THEN 0 ELSE d.suspicious END),
    sum(t.is_fraud * d.suspicious) FROM decisions d JOIN transactions t ON t.id = d.id
    WHERE d.source = 'batch' GROUP BY 1, 2 ORDER BY 1, 2"""


def decisions(url: str) -> list[tuple[object, ...]]:
    return query(url, "SELECT id, score, decision, reason, model_version, source FROM decisions ORDER BY id")


@pytest.fixture
def given(spark: SparkSession, made_once: MadeOnce, database: str, tmp_path: Path) -> Settings:
    return of_amounts(spark, made_once, settings(tmp_path, database), DAYS)


@pytest.mark.long
def test_each_part_of_the_history_has_a_model_made_before_it(
    spark: SparkSession, given: Settings, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A week of this store has some eighty transactions.
    monkeypatch.setattr(drift, "LEAST_SAMPLE", 50)
    execute(
        database,
        "INSERT INTO decisions (id, decided_at, score, suspicious, decision, reason, reasons, source)"
        " VALUES (5, '2019-01-01 00:00:00', 0.9, 1, 'suspicious', 'said', '[]', 'online')",
    )
    flags = query(database, "SELECT id, flagged_fraud FROM transactions ORDER BY id")
    train.run(spark, given, "one", quiet())
    evaluate.run(given, "one", quiet())
    promote.run(given, "one", quiet())
    summary = decide.run(spark, given, "two", quiet())
    assert summary.loaded == ROWS - 1
    assert query(database, "SELECT id, flagged_fraud FROM transactions ORDER BY id") == flags

    until = {
        model.version: date.fromisoformat(model.facts["trained"]["until"])
        for model in registry.every(given.model_dir, print)
    }
    assert {str(day) for day in until.values()} >= {"2019-12-31", "2020-12-31"}
    used = query(
        database,
        """SELECT d.model_version, substr(CAST(min(t.date) AS TEXT), 1, 10), count(*) FROM decisions d
        JOIN transactions t ON t.id = d.id WHERE d.source = 'batch' GROUP BY d.model_version""",
    )
    assert len(used) == 3
    for version, first, _ in used:
        if version is not None:
            assert date.fromisoformat(str(first)) == until[str(version)] + timedelta(days=given.label_delay + 1)
        else:
            assert first == "2019-01-01"
    assert decisions(database)[5] == (5, 0.9, "suspicious", "said", None, "online")

    # What isn't normal can be scored again, by whichever model it was.
    scored = query(
        database, "SELECT max(id), model_version FROM decisions WHERE suspicious = 1 AND figures IS NOT NULL GROUP BY 2"
    )
    assert {version for _, version in scored} <= {version for version, _, _ in used} - {None}
    with champions.opened(given) as connection:
        again = [score_again(connection, int(str(id)), tmp_path / "elsewhere") for id, _ in scored]
    assert again
    assert all(one.same for one in again)
    [[missing]] = query(
        database,
        "SELECT count(*) FROM decisions WHERE suspicious = 1 AND probability IS NOT NULL AND figures IS NULL",
    )
    assert missing == 0

    # Nor is it the number alone that a person is told.
    said = query(
        database,
        "SELECT reasons, reason, normal_if FROM decisions WHERE suspicious = 1 AND probability >= 0.3 AND id <> 5",
    )
    assert said
    for reasons, reason, otherwise in said:
        spoke = [one for one in json.loads(str(reasons)) if one["code"] in CODES]
        assert {one["code"] for one in spoke} <= set(GROUPS)
        assert all(0 < one["figures"]["probability"] <= 1 for one in spoke)
        assert "the model: " in str(reason)
        assert str(otherwise).startswith("it weren't for ")

    counted = query(database, f"SELECT day, model_version, {', '.join(FIGURES[:6])} FROM batch_days ORDER BY 1, 2")
    assert counted == query(database, _COUNTED)
    by_models = "FROM batch_days WHERE model_version <> ''"
    [[caught, frauds]] = query(database, f"SELECT sum(suspicious_frauds), sum(frauds) {by_models}")
    assert int(str(caught)) > int(str(frauds)) / 2
    watch.run(spark, given, "two", quiet())
    watched = query(database, "SELECT DISTINCT measure FROM model_days")
    # It has learned from all of them: before it spoke others, as in the history.
    assert {"psi:amount", "expected", "outside:frauds"} <= {row[0] for row in watched}
    assert "psi:score" not in {row[0] for row in watched}
    spoke = query(database, "SELECT DISTINCT spoke FROM model_windows")
    assert {row[0] for row in spoke} == {version for version, _, _ in used if version is not None}

    before = decisions(database)
    assert decide.run(spark, given, "three", quiet()).loaded == 0
    assert decisions(database) == before


def test_without_labels_the_rules_decide_alone(spark: SparkSession, given: Settings, database: str) -> None:
    execute(database, "UPDATE transactions SET is_fraud = NULL")
    assert decide.run(spark, given, "one", quiet()).loaded == ROWS
    assert query(database, "SELECT DISTINCT model_version, source FROM decisions") == [(None, "batch")]
    assert registry.every(given.model_dir, print) == []
    assert watch.run(spark, given, "one", quiet()).said == ["nothing to do: no model is in force"]


def test_what_is_expected_to_be_lost_stands_with_each_decision(
    spark: SparkSession, given: Settings, database: str, tmp_path: Path
) -> None:
    execute(database, "UPDATE transactions SET is_fraud = NULL")
    rules = tmp_path / "rules.yaml"
    rules.write_text(config.DEFAULT.read_text() + "\nbudget: {alerts_a_day: 5, least_loss: 50}\n")
    decide.run(spark, given.model_copy(update={"rules_path": rules}), "one", quiet())
    found = query(
        database,
        """SELECT d.suspicious, d.below_budget, d.expected_loss, d.score, t.amount
        FROM decisions d JOIN transactions t USING (id)""",
    )
    for suspicious, below, *figures in found:
        loss, score, amount = (float(str(figure)) for figure in figures)
        assert loss == pytest.approx(score * abs(amount), abs=0.006)
        assert below == int(suspicious == 1 and loss < 50)
    assert {below for suspicious, below, *_ in found if suspicious} == {0, 1}
