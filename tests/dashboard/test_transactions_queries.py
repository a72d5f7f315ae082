"""Pages under any filter are those that a search through all transactions finds."""

import random
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from dashboard import export, queries_transactions
from dashboard.queries_transactions import Count, Filters, Search, rows
from fraudstack.profiles.event import Event, Marks, seconds_of
from fraudstack.storage import days_seen, sums, transactions
from fraudstack.storage.connections.online import Connection, date_for
from fraudstack.storage.connections.store import parse
from jobs import profiles
from tests.api.scorer import post, running
from tests.jobs.databases import query, quiet, settings

_ALL = """SELECT id, CAST(date AS TEXT), flagged_fraud, is_fraud, client_id, card_id, merchant_id, mcc, merchant_state,
    CAST(round(amount * 100) AS BIGINT), (SELECT reasons FROM decisions d WHERE d.id = t.id) FROM transactions t
    ORDER BY date DESC, id DESC"""
_SAID = {None: "unsaid", 1: "yes", 0: "no"}
_CHOICES: dict[str, list[Any]] = {
    "flagged": ["yes", "no", "unsaid"],
    "fraud": ["yes", "no", "unsaid"],
    "client": ["7", "8", "none"],
    "card": ["70", "71"],
    "merchant": ["1", "2"],
    "mcc": ["5411", "4111"],
    "state": ["ND", "Italy", "Oman"],
    "reason": ["country_new", "cold_start", "amount_unusual"],
    "least": [-500, 10_00, 300_00],
    "most": [0, 250_00],
    "since": ["2019-02-01", "2019-08-15"],
    "until": ["2019-03-01", "2019-09-01"],
}


@pytest.fixture
def connection(tmp_path: Path, database: str) -> Connection:
    """A store of 400 transactions: decided, reviewed, or only loaded."""
    draw = random.Random(3)

    def fields() -> dict[str, Any]:
        return {
            "client_id": draw.choice("78"),
            "card_id": draw.choice(["70", "71"]),
            "amount": draw.choice([-5, 0, draw.randint(1, 90_000) / 100]),
            "merchant_id": draw.choice("123"),
            "merchant_state": draw.choice(["ND", "CA", "Italy"]),
            "mcc": draw.choice([5411, 4111, None]),
            "date": f"2019-0{draw.randint(1, 9)}-{draw.randint(1, 28):02} {draw.randint(10, 23)}:00:00",
        }

    with running(tmp_path, database) as client:
        client.post("/transactions", json={"transactions": [post(id, **fields()) for id in range(1000, 1250)]})
        for id in draw.sample(range(1000, 1250), 60):
            verdict = {"verdict": draw.choice(["fraud", "legitimate", "unsure"]), "reviewer": "ana"}
            assert client.post(f"/transactions/{id}/review", json=verdict).status_code == 201
    found = Connection(parse(database))
    with found.write():
        for id in range(150):
            _load(found, id, draw.choice([None, 0, 1]), fields())
    return found


def _load(connection: Connection, id: int, is_fraud: int | None, fields: dict[str, Any]) -> None:
    seconds, cents = seconds_of(datetime.fromisoformat(fields["date"])), round(fields["amount"] * 100)
    fields |= {"id": id, "date": date_for(connection.store, seconds), "currency": "USD", "is_fraud": is_fraud}
    transactions.insert(connection, fields, cents)
    event = Event(id, fields["client_id"], seconds, cents, state=fields["merchant_state"], mcc=fields["mcc"])
    sums.count(connection, event, Marks(None, is_fraud), 1)


def matching(everything: list[tuple[Any, ...]], filters: Filters) -> list[int]:
    """What a search finds, newest first."""

    def fits(row: tuple[Any, ...]) -> bool:
        _, date, flagged, fraud, client, card, merchant, mcc, state, cents, reasons = row
        said = {
            "flagged": _SAID[flagged],
            "fraud": _SAID[fraud],
            "client": client,
            "card": card,
            "merchant": merchant,
            "mcc": None if mcc is None else str(mcc),
            "state": state,
        }
        return (
            all(getattr(filters, name) in (None, value) for name, value in said.items())
            and (filters.least is None or cents >= filters.least)
            and (filters.most is None or cents <= filters.most)
            and (filters.since is None or date[:10] >= filters.since)
            and (filters.until is None or date[:10] <= filters.until)
            and (filters.reason is None or f'"code":"{filters.reason}"' in (reasons or ""))
        )

    return [row[0] for row in everything if fits(row)]


def filters_to_try() -> list[Filters]:
    """Every filter alone, both flags together, and some of everything."""
    alone = [Filters(**{name: value}) for name, values in _CHOICES.items() for value in values]
    flags = [Filters(flagged=a, fraud=b) for a in _CHOICES["flagged"] for b in _CHOICES["fraud"]]
    draw = random.Random(4)
    mixed = [
        Filters(**{name: draw.choice(_CHOICES[name]) for name in draw.sample(sorted(_CHOICES), draw.choice([2, 2, 3]))})
        for _ in range(120)
    ]
    return [Filters(), *alone, *flags, *mixed]


def right(connection: Connection, filters: Filters, wanted: list[int]) -> None:
    """The pages and the count are those of the transactions wanted."""
    with connection.read():
        search = Search(connection, filters)
        assert search.ids(1000) == wanted, filters
        assert search.count() == Count(len(wanted)), filters
        for offset in (1, 7, 20, 60, 500):
            assert search.ids(20, offset) == wanted[offset : offset + 20], (filters, offset)


def test_every_page_and_count_is_right(connection: Connection, database: str) -> None:
    everything = query(database, _ALL)
    for filters in filters_to_try():
        right(connection, filters, matching(everything, filters))


def test_with_lists_of_days_pages_are_the_same(
    spark: SparkSession, connection: Connection, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection.close()
    profiles.run(spark, settings(tmp_path, database), "a run", quiet())
    connection = Connection(parse(database))
    assert None not in days_seen.of(connection, "card", "70").values()
    with connection.write():
        # Known and new values on known and new days.
        for id, date, merchant in ((500, "2019-03-01", "1"), (501, "2019-12-24", "2"), (502, "2019-12-24", "late")):
            fields = {"client_id": "7", "card_id": "71", "amount": 250, "merchant_id": merchant, "merchant_state": None}
            _load(connection, id, None, fields | {"mcc": None, "date": f"{date} 12:00:00"})
    changed = {day for day, known in days_seen.of(connection, "card", "70").items() if known is None}
    assert changed == {"2019-03-01", "2019-12-24"}
    everything = query(database, _ALL)
    some = [Filters(merchant="late"), Filters(merchant="never"), Filters(least=250_00, most=250_00)]
    for filters in [*some, *filters_to_try()]:
        right(connection, filters, matching(everything, filters))
    # So many amounts that their lists aren't read.
    monkeypatch.setattr(days_seen, "_MOST_DAYS", 0)
    assert days_seen.of_amounts(connection, None, None) is None
    for filters in (Filters(least=250_00, most=250_00), Filters(most=0, fraud="yes")):
        right(connection, filters, matching(everything, filters))


def test_while_sums_are_behind_the_transactions_are_searched(connection: Connection, database: str) -> None:
    with connection.write():
        connection.execute("INSERT INTO outdated (name) VALUES ('profiles')")
        connection.execute("DELETE FROM daily_sums")
    everything = query(database, _ALL)
    for filters in filters_to_try()[:40]:
        assert Search(connection, filters).ids(1000) == matching(everything, filters), filters


def test_many_are_counted_no_further(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries_transactions, "MOST_COUNTED", 100)
    for filters in (
        Filters(),
        Filters(state="ND"),
        Filters(client="7"),
        Filters(least=0),
        Filters(card="70", mcc="5411"),
    ):
        found = Search(connection, filters).count()
        assert found == Count(100, more=True) or found.rows < 100, filters
    assert Search(connection, Filters()).count().more


def test_rows_come_with_their_decisions_in_order(connection: Connection) -> None:
    found = rows(connection, [1003, 5, 1001])
    assert [one.transaction["id"] for one in found] == [1003, 5, 1001]
    assert [one.decision is None for one in found] == [False, True, False]


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\tRome", "\r=1", "\n@A1", " =1", "\u00a0=1", "\u200b=1", "\ufeff-1",
     "\u3000+1", "\u2800=1", "\u3164@A1", "\u00ad=1", "\u202e=1", "\uff1d1+1", "\uff0b1", "\uff0d1", "\uff20A1",
     "\ufe661", " \u200d\u2009\uff1d1"],
)  # fmt: skip
def test_no_spreadsheet_takes_text_for_a_formula(text: str) -> None:
    assert export._plain(text) == f"'{text}"
    assert export._plain(-12.5) == -12.5
    assert export._plain("Rome") == "Rome"


def test_no_cell_of_another_locale_begins_a_formula() -> None:
    assert export._plain("Rome;=1+1; \u200b@A1;Paris") == "Rome;'=1+1;' \u200b@A1;Paris"
    for text in ("Rome", "a-b", "1=1", "Rue de l'Église", "x@y.example", "", "5 + 5", "\u00adRome"):
        assert export._plain(text) == text
    for value in (-12.5, -3, 0, None, True):
        assert export._plain(value) is value
