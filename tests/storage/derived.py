"""What follows from a store's transactions, made of them from scratch, beside what the store keeps of it."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from contextlib import closing
from typing import Any

from pydantic_core import to_json

from fraudstack.features import DAY, KEPT_DAYS
from fraudstack.features.client import ClientMemory, remembered
from fraudstack.features.labels import fraud_of
from fraudstack.profiles.event import date_of
from fraudstack.profiles.profile import Profile
from fraudstack.storage import profiles
from fraudstack.storage.connections.online import Connection
from fraudstack.storage.connections.store import Store
from fraudstack.storage.days_seen import DAY as SEEN
from fraudstack.storage.decisions.batch_days import FIGURES
from fraudstack.storage.memories import Fact
from fraudstack.storage.value_days import BEFORE, KINDS, TALLY
from tests.storage.daily_sums import counted, kept

Found = dict[Any, Any]

_CENTS = "CASE WHEN t.is_fraud = 1 AND t.amount > 0 THEN CAST(round(t.amount * 100) AS BIGINT) ELSE 0 END"
_BATCH_DAYS = f"""SELECT substr(CAST(t.date AS TEXT), 1, 10), coalesce(d.model_version, ''), count(*),
    sum(d.suspicious), count(t.is_fraud), coalesce(sum(t.is_fraud), 0),
    coalesce(sum(d.suspicious) FILTER (WHERE t.is_fraud >= 0), 0),
    coalesce(sum(d.suspicious) FILTER (WHERE t.is_fraud = 1), 0), CAST(sum({_CENTS}) AS BIGINT),
    CAST(sum({_CENTS} * d.suspicious) AS BIGINT)
    FROM decisions d JOIN transactions t ON t.id = d.id WHERE d.source = 'batch' GROUP BY 1, 2 ORDER BY 1, 2"""


def both(store: Store) -> tuple[Found, Found]:
    """What the store keeps, and what its transactions make: profiles, daily sums, days of values, lists of days."""
    with closing(Connection(store)) as connection, connection.read():
        rows = connection.rows(f"SELECT {profiles.EVENT_COLUMNS} FROM transactions")
        clients = [client for (client,) in connection.rows("SELECT client_id FROM profiles")]
        known = {client: _of_profile(profiles.read_whole(connection, client)) for client in sorted(clients)}
        days = connection.rows(f"SELECT kind, value, day, {', '.join(TALLY)} FROM value_days")
        batch_days = connection.rows(f"SELECT day, model_version, {', '.join(FIGURES)} FROM batch_days ORDER BY 1, 2")
        counted_days = connection.rows(_BATCH_DAYS)
        lists = connection.rows("SELECT kind, value, cents, year, days FROM days_seen_by_year")
        windows = connection.rows("SELECT kind, value, CAST(date AS TEXT), id, counted FROM windows")
        had = connection.rows("SELECT max(day) FROM daily_sums WHERE kind = 'all' HAVING max(day) IS NOT NULL")
    history = sorted(map(profiles.event_of, rows), key=lambda fact: (fact[0].seconds, fact[0].id))
    by_client: dict[str, list[Fact]] = defaultdict(list)
    for fact in history:
        by_client[fact[0].client_id].append(fact)
    # What was let go of older days doesn't come back with the newest transaction's end.
    newest = max(
        [fact[0].seconds // DAY for fact in history] + [profiles.seconds_at(row[0]) // DAY for row in had], default=0
    )
    of_store = {
        "profiles": known,
        "sums": [row for row in kept(store.url) if any(row[3:])],
        "value_days": _merged((((kind, value, day), tuple(figures)) for kind, value, day, *figures in days), newest),
        "windows": _windows(windows, newest),
        "batch_days": [row for row in batch_days if row[2]],
        "days_seen": {tuple(key): dict(SEEN.iter_unpack(packed)) for *key, packed in lists},
    }
    made = {
        "profiles": {client: _of_profile(_profile(client, facts)) for client, facts in sorted(by_client.items())},
        "sums": counted(store.url),
        "value_days": _merged(_value_days(by_client), newest),
        "windows": _windows(
            (
                (kind, value, str(date_of(event.seconds)), event.id, 1)
                for event, _ in history
                for kind, value in (("card", event.card), ("merchant", event.merchant))
                if value
            ),
            newest,
        ),
        "batch_days": counted_days,
        "days_seen": _days_seen(history),
    }
    return of_store, made


def _profile(client_id: str, facts: Iterable[Fact]) -> Profile:
    known = list(facts)
    profile = profiles.made_of(client_id, known)
    profile.memory = remembered(known)
    return profile


def _of_profile(profile: Profile) -> object:
    memory = None if profile.memory is None else to_json(profile.memory.state()).decode()
    return profiles.row_of(profile)[2:], sorted(profiles.habit_rows(profile)), memory


def _value_days(by_client: Mapping[str, list[Fact]]) -> Iterable[tuple[tuple[str, str, int], tuple[int, ...]]]:
    for facts in by_client.values():
        memory = ClientMemory()
        for event, marks in facts:
            ordinary = memory.add(event, fraud_of(event, marks))
            fraud, day = marks.is_fraud == 1, event.seconds // DAY
            label = (int(marks.is_fraud is not None), int(fraud), int(fraud and ordinary))
            labelled_of = day if marks.known is None else max(marks.known, day) - 7
            values = (event.merchant, None if event.mcc is None else str(event.mcc), event.state, event.channel)
            for kind, value in zip(KINDS, values, strict=True):
                if value:
                    cents = event.cents if kind == "merchant" else 0
                    said = (*label[:2], 0) if kind == "channel" else label
                    yield (kind, value, day), (1, cents, 0, 0, 0)
                    yield (kind, value, labelled_of), (0, 0, *said)


def _windows(rows: Iterable[tuple[Any, ...]], newest: int) -> list[tuple[Any, ...]]:
    """Those that are kept."""
    return sorted(row for row in rows if row[2] >= str(date_of(max(0, newest - KEPT_DAYS) * DAY)))


def _merged(days: Iterable[tuple[tuple[str, str, int], tuple[int, ...]]], newest: int) -> Found:
    """Tallies by kind, value and day, with the labels of the days that are too old as one; without those of nothing."""
    found: dict[Any, list[int]] = {}
    for (kind, value, day), figures in days:
        if day < newest - KEPT_DAYS:
            day, figures = BEFORE, (0, 0, *figures[2:4], 0)
        sums = found.setdefault((kind, value, day), [0] * 5)
        for place, figure in enumerate(figures):
            sums[place] += figure
    return {key: figures for key, figures in found.items() if any(figures)}


def _days_seen(history: Iterable[Fact]) -> Found:
    found: dict[tuple[str, str, int, int], Counter[int]] = defaultdict(Counter)
    for event, _ in history:
        keys = [("card", event.card, 0), ("merchant", event.merchant, 0), ("amount", "", event.cents)]
        for kind, value, cents in keys:
            if value is not None:
                found[kind, value, cents, date_of(event.seconds).year][event.seconds // DAY] += 1
    return {key: dict(sorted(days.items())) for key, days in found.items()}
