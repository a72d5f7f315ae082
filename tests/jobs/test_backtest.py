"""A backtest makes the decisions that the scorer made, and counts what came of them."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from fraudstack.errors import InputError
from fraudstack.model import registry
from fraudstack.model.artefact import Model
from fraudstack.report.backtest import Backtest, Counts
from fraudstack.rules import config
from fraudstack.rules.config import Rules
from jobs import backtest
from tests.api.scorer import chosen, running
from tests.jobs.databases import MadeOnce, execute, query, quiet
from tests.jobs.test_profiles import in_a_process
from tests.model.made import kept_model, posts

pytestmark = [pytest.mark.slow, pytest.mark.long]

ROWS = 1500
# Easily alarmed.
STRICT = config.DEFAULT.read_text().replace("suspicious_at: 0.5", "suspicious_at: 0.3")


def rules(text: str) -> Rules:
    return config.parse(text.encode(), "rules.yaml")


def decided(made_once: MadeOnce, url: str, *, with_model: bool = False) -> None:
    """Transactions that the scorer decided, with a model or without one, in the store."""
    made_once(url, f"decided {with_model}", partial(_decided, with_model))


def _decided(with_model: bool, folder: Path, url: str) -> None:
    if with_model:
        promoted(folder)
    in_a_process(through_the_api, str(folder), url)


def promoted(folder: Path) -> Model:
    kept_model(folder / "made")
    return registry.promote(folder / "model", folder / "made", {})


def through_the_api(folder: str, url: str) -> None:
    """In a process of its own: the job's database library and the scorer's can't share one."""
    path = Path(folder) / "rules.yaml"
    path.write_text(STRICT)
    with running(Path(folder), url, rules_path=path) as client:
        bodies = posts(ROWS, 0, 60)
        for start in range(0, ROWS, 500):
            answer = client.post("/transactions", json={"transactions": bodies[start : start + 500]})
            assert {one["status"] for one in answer.json()["results"]} == {200}


def tried(spark: SparkSession, folder: Path, url: str, *texts: str, **more: Any) -> Backtest:
    ways = [(f"{place}.yaml", rules(text)) for place, text in enumerate(texts)]
    return backtest.run(spark, chosen(folder, url), ways, more.get("models", ()), more.get("delay", 7), quiet())


def counted(url: str, condition: str) -> Counts:
    [row] = query(
        url,
        f"""SELECT count(*), count(t.is_fraud), coalesce(sum(t.is_fraud), 0), CAST(coalesce(sum(CASE WHEN
            t.is_fraud = 1 AND amount > 0 THEN round(amount * 100) END), 0) AS BIGINT)
            FROM transactions t JOIN decisions d ON d.id = t.id WHERE {condition}""",
    )
    return Counts(*row)  # type: ignore[arg-type]


@pytest.mark.parametrize("with_model", [False, True], ids=["rules", "rules and model"])
def test_its_decisions_are_the_scorers(
    spark: SparkSession, made_once: MadeOnce, database: str, tmp_path: Path, with_model: bool
) -> None:
    decided(made_once, database, with_model=with_model)
    model = promoted(tmp_path) if with_model else None
    # Labels that come after the last transaction change no decision.
    told = "id % 3 = 0 AND date >= '2019-02-22 00:00:00'"
    execute(database, f"UPDATE transactions SET is_fraud = CASE WHEN id % 5 = 0 THEN 1 ELSE 0 END WHERE {told}")
    found = tried(spark, tmp_path, database, STRICT, config.DEFAULT.read_text(), models=[model] if model else ())
    way = found.ways[0]
    assert way.counts == counted(database, "d.suspicious = 1")
    assert way.counts.alerts > 100
    assert (found.transactions, found.days) == (ROWS, 60)
    assert found.frauds == query(database, "SELECT count(*) FROM transactions WHERE is_fraud = 1")[0][0]
    given = query(database, "SELECT reasons FROM decisions WHERE suspicious = 1")
    for code, counts in way.reasons:
        # The scorer gives a model's reason in parts.
        assert counts.alerts == sum(f'"{code}' in str(row[0]) for row in given), code
    assert sum(month.transactions for month in way.months) == ROWS
    assert found.change is not None
    assert found.change.both.alerts + found.change.gained.alerts == way.counts.alerts
    assert found.change.both.alerts + found.change.lost.alerts == found.ways[1].counts.alerts
    assert found.change.gained.alerts > 0
    assert all(alert.reason for alert in found.change.alerts)


def test_figures_begin_when_the_model_could_have_been_in_force(
    spark: SparkSession, made_once: MadeOnce, database: str, tmp_path: Path
) -> None:
    decided(made_once, database, with_model=True)
    model = promoted(tmp_path)
    model.facts["trained"]["until"] = "2019-02-15"
    found = tried(spark, tmp_path, database, STRICT, models=[model])
    # The last of its labels were known a week later.
    assert (found.first, found.trained_until) == ("2019-02-23", "2019-02-15")
    [[after]] = query(database, "SELECT count(*) FROM transactions WHERE date >= '2019-02-23 00:00:00'")
    assert found.transactions == after
    model.facts["trained"]["until"] = "2030-01-01"
    with pytest.raises(InputError, match="no transaction from 2030-01-09 on"):
        tried(spark, tmp_path, database, STRICT, models=[model])


def test_a_label_counts_once_it_is_known(spark: SparkSession, made_once: MadeOnce, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/transactions.db"
    decided(made_once, url)
    before = tried(spark, tmp_path, url, STRICT).ways[0].counts.alerts
    # What was flagged is found to be legitimate: it becomes usual, and later ones like it raise no alert.
    execute(url, "UPDATE transactions SET is_fraud = 0 WHERE flagged_fraud = 1")
    assert tried(spark, tmp_path, url, STRICT, delay=60).ways[0].counts.alerts == before
    assert tried(spark, tmp_path, url, STRICT, delay=0).ways[0].counts.alerts < before
