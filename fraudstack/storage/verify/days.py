"""What is counted by day, rebuilt of each day's transactions: sums, batch decisions, days of merchants and the like."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any

from fraudstack.features import DAY, KEPT_DAYS, LABEL_DELAY
from fraudstack.places import channel_of, state_of
from fraudstack.profiles.event import date_of
from fraudstack.storage import profiles, sums, value_days
from fraudstack.storage.connections.online import Connection, date_for, day_for
from fraudstack.storage.decisions import batch_days
from fraudstack.storage.memories import Fact, was_ordinary
from fraudstack.storage.verify.difference import Difference, between

Found = dict[tuple[Any, ...], tuple[int, ...]]

_DAYS = """SELECT day FROM daily_sums UNION SELECT day FROM batch_days
    UNION SELECT DISTINCT substr(CAST(date AS TEXT), 1, 10) FROM transactions"""
_OF_LABELS = f"""SELECT DISTINCT day - {LABEL_DELAY} FROM label_days
    UNION SELECT DISTINCT day FROM value_days WHERE day <> {value_days.BEFORE}"""
_OF_DAY = "FROM transactions WHERE date >= ? AND date < ?"
_FACTS = f"SELECT {profiles.EVENT_COLUMNS} {_OF_DAY}"
# What was known on a day; of what was known before it happened, what happened then.
_TOLD = f"""SELECT {profiles.EVENT_COLUMNS} FROM transactions WHERE id IN (SELECT id FROM label_days WHERE day = ?)
    UNION SELECT {profiles.EVENT_COLUMNS} {_OF_DAY} AND id IN (SELECT id FROM label_days WHERE day < ?)"""
_FIGURES = ", ".join(f"CAST(sum({name}) AS BIGINT)" for name in sums.FIGURES)
# By kinds: without them the whole table is read for each day.
_SUMS = f"""SELECT kind, value, {_FIGURES} FROM daily_sums
    WHERE kind IN ({", ".join(f"'{kind}'" for kind in sums.KINDS)}) AND day = ? GROUP BY kind, value"""
_TALLY = ", ".join(f"CAST(sum({name}) AS BIGINT)" for name in value_days.TALLY)
_VALUES = f"SELECT kind, value, {_TALLY} FROM value_days WHERE day = ? GROUP BY kind, value"
_BATCH = f"SELECT model_version, {', '.join(batch_days.FIGURES)} FROM batch_days WHERE day = ?"
_DECIDED = """SELECT coalesce(d.model_version, ''), t.amount, t.is_fraud, d.suspicious
    FROM transactions t JOIN decisions d ON d.id = t.id
    WHERE t.date >= ? AND t.date < ? AND d.source = 'batch'"""
_FORGET_BATCH = "DELETE FROM batch_days WHERE day = ?"
_COUNT_BATCH = batch_days.counting(f"SELECT id {_OF_DAY}", 1)
# Of the labels that are told, those of transactions of up to a delay later.
_LABELLED = f"(l.day IS NULL AND date < ? OR l.day < ? + {LABEL_DELAY})"
_CAME_BEFORE = f"""SELECT {{value}}, count(CASE WHEN date < ? THEN 1 END),
    count(CASE WHEN {_LABELLED} THEN is_fraud END),
    CAST(coalesce(sum(CASE WHEN {_LABELLED} THEN is_fraud END), 0) AS BIGINT)
    FROM transactions LEFT JOIN label_days l USING (id) WHERE date < ? AND {{value}} IS NOT NULL GROUP BY 1"""
_OF_KIND = {"merchant": "merchant_id", "mcc": "CAST(mcc AS TEXT)", "state": "merchant_state", "channel": "use_chip"}
_FORMS = {"state": state_of, "channel": channel_of}
_KEPT_BEFORE = """SELECT value, CAST(sum(transactions) AS BIGINT), CAST(sum(labelled) AS BIGINT),
    CAST(sum(frauds) AS BIGINT) FROM value_days WHERE kind = ? AND day < ? GROUP BY value"""
_FIRST_DAY = date(1970, 1, 1)


def days(connection: Connection) -> list[str]:
    """Every day on which something is counted, YYYY-MM-DD."""
    of_labels = {str(date_of(number * DAY))[:10] for (number,) in connection.rows(_OF_LABELS)}
    return sorted(of_labels.union(day for (day,) in connection.rows(_DAYS)))


def number_of(day: str) -> int:
    """A day, YYYY-MM-DD, since 1970."""
    return (date.fromisoformat(day) - _FIRST_DAY).days


def facts_of(connection: Connection, day: str) -> list[Fact]:
    """The transactions of a day."""
    return list(map(profiles.event_of, connection.rows(_FACTS, _ends(connection, day))))


def differences(
    connection: Connection, day: str, facts: Sequence[Fact], newest: int, *, memories: bool
) -> Iterator[Difference]:
    """How what is counted of a day differs from what its transactions make, in the transaction under way."""
    kept, rebuilt = _sums_of(connection, day, facts)
    yield from between("daily_sums", _named(day, kept), _named(day, rebuilt))
    yield from between("batch_days", *_batch_of(connection, day))
    if memories and number_of(day) >= newest - KEPT_DAYS:
        kept, rebuilt = _values_of(connection, day, facts)
        yield from between("value_days", _named(day, kept), _named(day, rebuilt))


def repair(connection: Connection, day: str, newest: int, *, memories: bool) -> None:
    """Count a day anew, in the transaction under way, beside which nobody else counts."""
    facts = facts_of(connection, day)
    for (kind, value), figures in _missing(*_sums_of(connection, day, facts)):
        connection.add_up(sums.write, (kind, day, value), (1, *figures))
    connection.execute(_FORGET_BATCH, (day,))
    connection.execute(_COUNT_BATCH, _ends(connection, day))
    if memories and number_of(day) >= newest - KEPT_DAYS:
        for (kind, value), figures in _missing(*_values_of(connection, day, facts)):
            connection.add_up(value_days.write, (kind, value, str(number_of(day))), figures)


def before_kept(connection: Connection, newest: int) -> Iterator[Difference]:
    """How the days that are too old to be kept one by one differ, in the transaction under way."""
    yield from between("value_days before", *_before(connection, newest))


def repair_before(connection: Connection, newest: int) -> None:
    """Count those days anew, in the transaction under way, beside which nobody else counts."""
    for (kind, value), (came, labelled, frauds) in _missing(*_before(connection, newest)):
        connection.add_up(value_days.write, (kind, value, str(value_days.BEFORE)), (came, 0, labelled, frauds, 0))


def _sums_of(connection: Connection, day: str, facts: Iterable[Fact]) -> tuple[Found, Found]:
    rebuilt: dict[tuple[str, str], Counter[str]] = {}
    for event, marks in facts:
        figures = sums.figures(event.cents, marks)._asdict()
        for key in sums.keys(event):
            rebuilt.setdefault(key, Counter()).update(figures)
    kept = {(kind, value): tuple(figures) for kind, value, *figures in connection.rows(_SUMS, (day,)) if any(figures)}
    return kept, {key: tuple(found[name] for name in sums.FIGURES) for key, found in rebuilt.items()}


def _values_of(connection: Connection, day: str, facts: Iterable[Fact]) -> tuple[Found, Found]:
    rebuilt: dict[tuple[str, str], list[int]] = {}
    number = number_of(day)
    for event, marks in {fact[0].id: fact for fact in (*facts, *_told(connection, number + LABEL_DELAY))}.values():
        for (kind, value, counted_on), figures in value_days.tallies(
            event, marks, was_ordinary(connection, event, marks)
        ):
            if counted_on == number:
                found = rebuilt.setdefault((kind, value), [0] * len(figures))
                rebuilt[kind, value] = [a + b for a, b in zip(found, figures, strict=True)]
    rows = connection.rows(_VALUES, (number,))
    kept = {(kind, value): tuple(figures) for kind, value, *figures in rows if any(figures)}
    return kept, {key: tuple(figures) for key, figures in rebuilt.items()}


def _told(connection: Connection, day: int) -> list[Fact]:
    """The transactions whose label is known from a day on."""
    begin, end = (date_for(connection.store, at * DAY) for at in (day, day + 1))
    return list(map(profiles.event_of, connection.rows(_TOLD, (day, begin, end, day))))


def _batch_of(connection: Connection, day: str) -> tuple[Found, Found]:
    kept = {(day, row[0]): tuple(row[1:]) for row in connection.rows(_BATCH, (day,)) if any(row[1:])}
    rebuilt: Found = {}
    for version, amount, is_fraud, suspicious in connection.rows(_DECIDED, _ends(connection, day)):
        labelled, fraud = is_fraud is not None, is_fraud or 0
        cents = max(0, round(amount * 100)) * fraud
        row = (
            1,
            suspicious,
            int(labelled),
            fraud,
            suspicious * labelled,
            suspicious * fraud,
            cents,
            cents * suspicious,
        )
        found = rebuilt.get((day, version), (0,) * len(row))
        rebuilt[day, version] = tuple(a + b for a, b in zip(found, row, strict=True))
    return kept, rebuilt


def _before(connection: Connection, newest: int) -> tuple[Found, Found]:
    rebuilt: dict[tuple[Any, ...], tuple[int, ...]] = {}
    kept: dict[tuple[Any, ...], tuple[int, ...]] = {}
    first = newest - KEPT_DAYS
    until, later = (date_for(connection.store, day * DAY) for day in (first, first + LABEL_DELAY))
    for kind, column in _OF_KIND.items():
        asked = (until, until, first, until, first, later)
        for value, *figures in connection.rows(_CAME_BEFORE.format(value=column), asked):
            key = kind, _FORMS[kind](value) if kind in _FORMS else value
            if key[1] and any(figures):
                found = rebuilt.get(key, (0,) * len(figures))
                rebuilt[key] = tuple(a + b for a, b in zip(found, figures, strict=True))
        for value, *figures in connection.rows(_KEPT_BEFORE, (kind, first)):
            if any(figures):
                kept[kind, value] = tuple(figures)
    return kept, rebuilt


def _missing(kept: Found, rebuilt: Found) -> Iterator[tuple[tuple[Any, ...], tuple[int, ...]]]:
    """What has to be added to what is kept."""
    for key in kept.keys() | rebuilt.keys():
        width = len(kept.get(key) or rebuilt[key])
        has, should = kept.get(key, (0,) * width), rebuilt.get(key, (0,) * width)
        if has != should:
            yield key, tuple(b - a for a, b in zip(has, should, strict=True))


def _named(day: str, found: Found) -> Found:
    return {(day, *key): figures for key, figures in found.items()}


def _ends(connection: Connection, day: str) -> tuple[Any, Any]:
    return day_for(connection.store, day), day_for(connection.store, sums.day_after(day))
