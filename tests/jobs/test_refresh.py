"""A model trained on the store, held against the champion, promoted; what can't be leaves the champion."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from fraudstack.errors import InputError
from fraudstack.features.table import NAMES
from fraudstack.model import champion, registry
from fraudstack.settings import Settings
from jobs import evaluate, memories, promote, train
from tests.jobs.databases import MadeOnce, execute, query, quiet, settings
from tests.jobs.of_amounts import CLIENTS, FIRST, of_amounts

pytestmark = pytest.mark.long

DAYS = 90


@pytest.fixture
def given(spark: SparkSession, made_once: MadeOnce, tmp_path: Path) -> Settings:
    return of_amounts(spark, made_once, settings(tmp_path), DAYS)


def refreshed(spark: SparkSession, given: Settings, run_id: str) -> dict[str, object]:
    train.run(spark, given, run_id, quiet())
    evaluate.run(given, run_id, quiet())
    promote.run(given, run_id, quiet())
    memories.run(spark, given, run_id, quiet())
    found = champion.facts(given.model_dir)
    assert found is not None
    return found


def test_a_model_comes_into_force_and_yields_to_nothing_but_a_better_one(
    spark: SparkSession, given: Settings, tmp_path: Path
) -> None:
    early = given.model_copy(update={"model_until": (FIRST + timedelta(days=75)).date()})
    first = refreshed(spark, early, "one")
    assert (first["run_id"], first["before"]) == ("one", None)
    assert str(first["reason"]).endswith("; there was no champion")
    # What the rules say of the same days, decided from the beginning.
    assert 0 < float(str(first["rules"])) < float(str(first["of_trial"]))
    folder = given.model_dir / "versions" / str(first["version"])
    assert {path.name for path in folder.iterdir()} >= {"model.txt", "model.json", "card.md", "precision_recall.svg"}
    facts = json.loads((folder / "model.json").read_text())
    assert (tuple(facts["features"]), facts["trained"]["until"]) == (NAMES, "2019-03-17")
    assert facts["fold"]["average_precision"] > 0.7
    remembered = query(f"sqlite:///{given.sqlite_db}", "SELECT count(*) FROM profiles WHERE memory IS NOT NULL")
    assert remembered == [(CLIENTS,)]
    # Much the same a fortnight later: whatever is found, it is said, and only what is no worse is put in force.
    second = refreshed(spark, given, "two")
    said = json.loads((given.model_dir / registry.CANDIDATE / registry.EVALUATION).read_text())
    assert said["run_id"] == "two"
    assert 0.7 < said["champion"] <= 1
    assert said["against"] == first["version"]
    assert (second["version"] != first["version"]) == said["better"]


def test_what_cannot_be_is_one_sentence_and_the_champion_stays(spark: SparkSession, given: Settings) -> None:
    refreshed(spark, given, "one")
    before = (given.model_dir / "champion.json").read_bytes()
    database = f"sqlite:///{given.sqlite_db}"
    for change, sentence in (
        ("UPDATE transactions SET is_fraud = 0 WHERE is_fraud = 1 AND id > 300", "labelled frauds, and a model needs"),
        ("UPDATE transactions SET is_fraud = 1", "every labelled transaction of the training window is fraud"),
        ("UPDATE transactions SET is_fraud = NULL", "no transaction of the store has a label"),
    ):
        execute(database, change)
        with pytest.raises(InputError, match=sentence):
            train.run(spark, given, "two", quiet())
        assert (given.model_dir / "champion.json").read_bytes() == before
    execute(database, f"DELETE FROM model_files WHERE name = '{registry.EVALUATION}' AND version = 'candidate'")
    with pytest.raises(InputError, match="was not evaluated"):
        promote.run(given, "two", quiet())


def test_a_champion_that_cannot_be_read_is_replaced(spark: SparkSession, given: Settings) -> None:
    given.model_dir.mkdir()
    (given.model_dir / "champion.json").write_text('{"version": "gone"}')
    found = refreshed(spark, given, "one")
    assert "the champion can't be used: there is no model in" in str(found["reason"])
