"""The report's figures against a count of the same rows in plain Python, on SQLite and on PostgreSQL."""

import json
import random
from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fraudstack.errors import StoreError
from fraudstack.report import Report, collect
from fraudstack.storage.connections.store import Store, parse
from fraudstack.storage.upgrade import upgrade
from tests.jobs.databases import execute
from tests.report.stores import clusters_beside, fill, fill_clusters, transaction

CHANNELS = ("Swipe Transaction", "Chip Transaction", "Online Transaction", None)
# Sums of these as binary fractions are wrong in the last cent.
AMOUNTS = ("0.29", "1.10", "0.57", "-50.00", "0.00", "19.99", "8192.01", "-0.01", "1.15", "33.33")


def made_up(rows: int, seed: int = 7) -> list[dict[str, Any]]:
    chance = random.Random(seed)
    return [
        transaction(
            number,
            date=datetime(2018, 11, 3, 5, 59) + timedelta(hours=7 * number),
            client_id=str(chance.randrange(20)),
            card_id=chance.choice(["1", "2", "3", None]),
            merchant_id=str(chance.randrange(40)),
            amount=Decimal(chance.choice(AMOUNTS)),
            use_chip=chance.choice(CHANNELS),
            mcc=chance.choice([5411, 5412, 742, None]),
            errors=chance.choice([None, None, None, "Bad PIN", "Bad CVV"]),
            flagged_fraud=chance.choice([None, None, 0, 1]),
            is_fraud=chance.choice([None, None, 0, 0, 0, 1]),
        )
        for number in range(1, rows + 1)
    ]


def report_of(database: str, rows: list[dict[str, Any]], **tables: Any) -> Report:
    store = parse(database)
    fill(store, transactions=rows, **tables)
    return collect(store, clusters_beside(store))


def sums(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "total": sum((row["amount"] for row in rows), Decimal("0.00")),
        "refunds": sum((row["amount"] for row in rows if row["amount"] < 0), Decimal("0.00")),
        "declined": sum((row["amount"] for row in rows if row["errors"]), Decimal("0.00")),
        "fraud": sum((row["amount"] for row in rows if row["is_fraud"] == 1), Decimal("0.00")),
    }


def rates(rows: list[dict[str, Any]]) -> dict[str, Any]:
    known = [row["is_fraud"] for row in rows if row["is_fraud"] is not None]
    return {
        "labelled": len(known),
        "fraud": sum(known),
        "fraud_rate": sum(known) / len(known) if known else None,
    }


def test_figures_equal_an_independent_count(database: str) -> None:
    rows = made_up(3_000)
    report = report_of(database, rows)
    found = report.transactions
    assert found.count == len(rows)
    assert found.first is not None
    assert found.last is not None
    assert found.first.replace(tzinfo=None) == rows[0]["date"]
    assert found.last.replace(tzinfo=None) == rows[-1]["date"]
    assert found.clients == len({row["client_id"] for row in rows})
    assert found.cards == 3
    assert found.merchants == len({row["merchant_id"] for row in rows})
    assert found.refunds == sum(row["amount"] < 0 for row in rows)
    assert found.declined == sum(row["errors"] is not None for row in rows)
    assert found.amounts["USD"].model_dump() == sums(rows)

    for channel in found.channels:
        of_channel = [row for row in rows if row["use_chip"] == channel.channel]
        assert channel.transactions == len(of_channel)
        assert channel.amounts["USD"].model_dump() == sums(of_channel)
        assert channel.model_dump(include={"labelled", "fraud", "fraud_rate"}) == rates(of_channel)
    assert {channel.channel for channel in found.channels} == set(CHANNELS)


def test_what_is_not_labelled_is_not_called_legitimate(database: str) -> None:
    rows = made_up(500)
    labels = report_of(database, rows).labels
    assert labels.model_dump(include={"labelled", "fraud", "fraud_rate"}) == rates(rows)
    assert labels.legitimate == sum(row["is_fraud"] == 0 for row in rows)
    assert labels.unlabelled == sum(row["is_fraud"] is None for row in rows)


def test_the_scorers_word_and_the_truth_are_counted_apart(database: str) -> None:
    rows = [
        transaction(1, flagged_fraud=1, is_fraud=0),
        transaction(2, flagged_fraud=0, is_fraud=1),
        transaction(3, flagged_fraud=1),
        transaction(4),
    ]
    report = report_of(database, rows)
    assert (report.flagged.decided, report.flagged.flagged) == (3, 2)
    assert (report.labels.labelled, report.labels.fraud) == (2, 1)


def test_the_breakdown_equals_an_independent_count(database: str) -> None:
    rows = made_up(3_000)
    broken = report_of(database, rows, mcc_codes=[{"mcc": 742, "name": "Veterinary Services"}]).breakdown
    assert broken is not None

    months = Counter(f"{row['date']:%Y-%m}" for row in rows)
    assert {month.month: month.transactions for month in broken.months} == months
    assert [month.month for month in broken.months] == sorted(months)

    labelled = [row for row in rows if row["is_fraud"] is not None]
    for hour in broken.hours:
        assert hour.model_dump() == {
            "hour": hour.hour,
            **rates([row for row in labelled if row["date"].hour == hour.hour]),
        }
    assert [hour.hour for hour in broken.hours] == list(range(24))
    for year in broken.years:
        of_year = [row for row in labelled if row["date"].year == year.year]
        assert year.model_dump(exclude={"year"}) == rates(of_year)
    for category in broken.categories:
        of_category = [row for row in labelled if row["mcc"] == category.mcc]
        assert category.model_dump(exclude={"mcc", "name"}) == rates(of_category)
        assert category.name == ("Veterinary Services" if category.mcc == 742 else None)
    assert {category.mcc for category in broken.categories} == {5411, 5412, 742, None}

    for bin_ in broken.amounts:
        inside = [row for row in rows if bin_.low <= abs(row["amount"]) < (bin_.high or Decimal("Infinity"))]
        assert bin_.purchases == sum(row["amount"] >= 0 for row in inside)
        assert bin_.refunds == sum(row["amount"] < 0 for row in inside)
    assert sum(bin_.purchases + bin_.refunds for bin_ in broken.amounts) == len(rows)


def test_a_month_without_transactions_is_counted_as_none(database: str) -> None:
    rows = [transaction(1, date=datetime(2018, 11, 30, 23, 59)), transaction(2, date=datetime(2019, 1, 1))]
    broken = report_of(database, rows).breakdown
    assert broken is not None
    assert [month.model_dump() for month in broken.months] == [
        {"month": "2018-11", "transactions": 1},
        {"month": "2018-12", "transactions": 0},
        {"month": "2019-01", "transactions": 1},
    ]


def test_columns_that_are_unset_for_long_and_then_are_not(database: str) -> None:
    # Longer than what a driver looks at before it settles on a column's type.
    unset = dict.fromkeys(("card_id", "use_chip", "merchant_id", "mcc"))
    rows = [transaction(number, **unset) for number in range(1, 70_001)]
    last = {"errors": "Bad PIN", "mcc": 742, "is_fraud": 1, "flagged_fraud": 0, "amount": Decimal("0.29")}
    report = report_of(database, [*rows, transaction(70_001, **last)])
    found = report.transactions
    assert {channel.channel: channel.transactions for channel in found.channels} == {
        "Swipe Transaction": 1,
        None: 70_000,
    }
    assert (found.cards, found.merchants, found.declined) == (1, 1, 1)
    assert str(found.amounts["USD"].total) == "700000.29"
    assert report.breakdown is not None
    assert [(c.mcc, c.labelled, c.fraud) for c in report.breakdown.categories] == [(742, 1, 1)]


def test_currencies_are_never_added_up(database: str) -> None:
    rows = [
        transaction(1, amount=Decimal("0.10")),
        transaction(2, amount=Decimal("0.20")),
        transaction(3, amount=Decimal("0.30"), currency="EUR"),
    ]
    amounts = report_of(database, rows).transactions.amounts
    assert {currency: str(of.total) for currency, of in amounts.items()} == {"EUR": "0.30", "USD": "0.30"}


def test_runs_and_what_the_last_one_refused(database: str) -> None:
    def run(run_id: str, step: str, day: int, **given: Any) -> dict[str, Any]:
        return {"run_id": run_id, "step": step, "started_at": datetime(2026, 1, day, 12), **given}

    def refused(run_id: str, reason: str) -> dict[str, Any]:
        return {"run_id": run_id, "step": "clean", "file": "f.csv", "line": 2, "text": "x", "reason": reason}

    report = report_of(
        database,
        [],
        ingest_runs=[
            run("old", "clean", 1, seconds=9.5, rows_in=10, loaded=9, quarantined=1),
            run("new", "clean", 2, seconds=2.0, rows_in=500, loaded=0, quarantined=400, error="too many"),
            run("new", "label", 3),
        ],
        quarantine=[refused("old", "bad date"), *[refused("new", "bad amount")] * 3, refused("new", "bad id")],
    )
    assert [(step.run_id, step.step) for step in report.runs] == [
        ("new", "label"),
        ("new", "clean"),
        ("old", "clean"),
    ]
    assert report.runs[1].error == "too many"
    assert report.runs[0].seconds is None
    assert report.quarantine is not None
    assert report.quarantine.run_id == "new"
    # A run that fails keeps fewer rows than it counted.
    assert report.quarantine.quarantined == 400
    assert [(r.reason, r.rows) for r in report.quarantine.reasons] == [("bad amount", 3), ("bad id", 1)]


def test_clusters(database: str) -> None:
    store = parse(database)
    fill(store)
    fill_clusters(clusters_beside(store), ["everyday", "travellers"])
    report = collect(store, clusters_beside(store))
    assert report.no_clusters is None
    first, second = report.clusters
    assert (first.cluster, first.name, first.clients, first.transactions) == (0, "everyday", 100, 1000)
    assert first.fraud_rate == 0.001
    assert second.fraud_rate is None
    assert set(first.features) >= {"spend", "online_share", "active_days"}


def test_a_store_without_anything(database: str) -> None:
    report = report_of(database, [])
    assert report.transactions.count == 0
    assert report.transactions.first is None
    assert report.transactions.amounts == {}
    assert report.labels.fraud_rate is None
    assert report.quarantine is None
    assert report.runs == []
    assert report.no_clusters is not None
    assert report.breakdown is not None
    assert report.breakdown.months == []


def test_clusters_that_were_made_empty_or_not_named(database: str) -> None:
    store = parse(database)
    fill(store)
    fill_clusters(clusters_beside(store), [])
    assert "no clusters yet" in str(collect(store, clusters_beside(store)).no_clusters)
    assert collect(store, None).no_clusters is not None


def test_without_the_breakdown_nothing_else_changes(database: str) -> None:
    store = parse(database)
    fill(store, transactions=made_up(100))
    short, whole = collect(store, None, breakdown=False), collect(store, None)
    assert short.breakdown is None
    left_out = {"breakdown", "taken_at"}
    assert short.model_dump(exclude=left_out) == whole.model_dump(exclude=left_out)


def test_json_has_the_promised_keys_and_reads_back(database: str) -> None:
    store = parse(database)
    fill(store, transactions=made_up(200))
    fill_clusters(clusters_beside(store), ["everyday"])
    report = collect(store, clusters_beside(store))
    written = json.loads(report.model_dump_json())
    assert list(written) == [
        "taken_at",
        "store",
        "transactions",
        "labels",
        "flagged",
        "clusters",
        "no_clusters",
        "quarantine",
        "runs",
        "breakdown",
    ]
    assert set(written["transactions"]) == {
        *("count", "first", "last", "clients", "cards", "merchants"),
        *("refunds", "declined", "amounts", "channels"),
    }
    assert set(written["labels"]) == {"labelled", "fraud", "fraud_rate", "legitimate", "unlabelled"}
    assert set(written["breakdown"]) == {"months", "amounts", "categories", "hours", "years"}
    # Text, because a JSON number would be read as a binary fraction.
    assert written["transactions"]["amounts"]["USD"]["total"] == str(report.transactions.amounts["USD"].total)
    assert written["transactions"]["first"] == "2018-11-03T12:59:00Z"
    assert Report.model_validate_json(report.model_dump_json()) == report


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no store at"):
        collect(parse(str(tmp_path / "none.db")), None)
    assert not list(tmp_path.iterdir())


def test_a_clusters_file_that_is_not_there(tmp_path: Path) -> None:
    store = parse(str(tmp_path / "transactions.db"))
    fill(store)
    report = collect(store, parse(str(tmp_path / "none.db")))
    assert "none.db" in str(report.no_clusters)


def other_files(folder: Path) -> dict[str, Store]:
    execute(f"sqlite:///{folder}/other.db", "CREATE TABLE songs (name TEXT)")
    (folder / "words.db").write_text("not a database, but longer than the header of one would be " * 10)
    upgrade(parse(str(folder / "older.db")), "transactions")
    execute(f"sqlite:///{folder}/older.db", "ALTER TABLE ingest_runs DROP COLUMN unmatched")
    return {name: parse(str(folder / f"{name}.db")) for name in ("other", "words", "older")}


@pytest.mark.parametrize(
    ("name", "says"),
    [("other", "holds no table transactions"), ("words", "not a database"), ("older", "has no column unmatched")],
)
def test_files_that_are_no_store_of_ours(tmp_path: Path, name: str, says: str) -> None:
    with pytest.raises(StoreError, match=says) as refused:
        collect(other_files(tmp_path)[name], None)
    assert "\n" not in str(refused.value)


def test_a_password_is_never_told(database: str) -> None:
    store = parse(database)
    fill(store)
    assert collect(store, None).store == store.shown
    with pytest.raises(StoreError) as refused:
        collect(parse("postgresql://me:secret@127.0.0.1:1/none"), None)
    assert "secret" not in str(refused.value)
