"""The way from a submission to a stored decision, inside one write transaction of the store."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from fraudstack.decisions.scoring import Around, Scored, advised, decision_of, scored_by
from fraudstack.decisions.submission import Submission
from fraudstack.decisions.terms import Terms, at_its_time, looks_back
from fraudstack.decisions.work import TURN_SECONDS
from fraudstack.features.client import ClientMemory
from fraudstack.fields.ids import FIRST_MADE
from fraudstack.places import STORED
from fraudstack.profiles.event import Event, Marks
from fraudstack.profiles.profile import Profile
from fraudstack.rules.case import Reason
from fraudstack.rules.decide import Verdict, stepped_up
from fraudstack.schema import CONTENT, DATE_FORMAT, FIRST_ASSIGNED
from fraudstack.storage import challenges, lists, memories, profiles, sums, transactions, velocity
from fraudstack.storage.connections.online import Connection, date_for
from fraudstack.storage.following import changes, history
from fraudstack.storage.following.changes import follow_client, is_to_be_counted
from fraudstack.storage.following.follow import Change, follow
from fraudstack.storage.following.history import Replays, Wanted

if TYPE_CHECKING:
    pass

# What a file of transactions can say; a description comes through the API alone.
_COMPARED = tuple(name for name in CONTENT if name not in ("id", "amount", "description"))
# Transactions of a client that are read for one that is dated before others; of more a model hears what it can.
_MOST_READ = 1_000


@dataclass(frozen=True)
class Advice:
    """What was found out before the write transaction began: a language model's reason, and how it went."""

    reasons: Sequence[Reason] = ()
    llm_status: str | None = None


@dataclass(frozen=True)
class Decided:
    """An answer; `again` when the same post had been decided before."""

    id: int
    decision: Mapping[str, Any]
    again: bool = False


@dataclass(frozen=True)
class Conflict:
    """An id that stands for something else."""

    sentence: str


NO_ADVICE = Advice()
NOTHING_REPLAYED: Replays = MappingProxyType({})


def score(connection: Connection, posted: Submission, terms: Terms, now: datetime) -> Scored:
    """What is said of a transaction that the store doesn't have, by what the store holds at this moment."""
    event = posted.event(posted.id or 0, now)
    profile, excepted = profiles.read(connection, event, looks_back(event, terms))
    memory = _memory_at(connection, profile, _place(posted, event)) if terms.asks else None
    around = _around(connection, event, excepted, terms, now)
    scored = scored_by(connection, event, profile, around, terms, memory)
    return _challenged(connection, scored, posted, now)


def _around(connection: Connection, event: Event, excepted: bool, terms: Terms, now: datetime) -> Around:
    listed = lists.of(connection, event, now)
    return Around(velocity.read(connection, event, terms.rules.file.small), listed, excepted)


def _memory_at(connection: Connection, profile: Profile, at: memories.Place) -> ClientMemory | None:
    """What a model has to know of a client at a place in its history: what is dated later isn't known there."""
    later = [recent.event for recent in profile.recent if recent[:2] > at]
    if not later or profile.memory is None or changes.wait(connection, profile.client_id):
        return profile.memory
    memory = memories.before(connection, profile.client_id, profile.memory, at, _MOST_READ)
    if memory is None:
        return profile.memory
    memory.seen = dict(Counter(profile.memory.seen) - Counter(key for event in later for key in event.keys))
    return memory


def _challenged(connection: Connection, scored: Scored, posted: Submission, now: datetime) -> Scored:
    if not posted.can_challenge:
        return scored
    days = scored.case.rules.decision.challenge_holds_days
    return replace(scored, challenged=challenges.latest(connection, scored.case.event, now, days))


def locks(several: Sequence[Submission]) -> list[str]:
    """What two writers mustn't decide about at once: clients, and cards, of whom the one has to see the other's."""
    cards = (f"card {posted.card_id}" for posted in several if posted.card_id)
    return [*(posted.client_id for posted in several), *cards]


def preview(
    scored: Scored, posted: Submission, terms: Terms, now: datetime, advice: Advice = Advice((), "not_asked")
) -> Decided:
    """What would be decided by a score, without writing."""
    return Decided(posted.id or 0, _advised(scored, posted, terms, now, advice)[1])


def decide_and_store(
    connection: Connection,
    posted: Submission,
    terms: Terms,
    now: datetime,
    advice: Advice = NO_ADVICE,
    scored: Scored | None = None,
    replays: Replays = NOTHING_REPLAYED,
) -> Decided | Conflict | Wanted:
    """Decide a posted transaction and write it, the decision and the profile, in the transaction under way.

    What was `scored` before the transaction began holds if nothing has changed since; it stays as it is. The same post
    again gives the stored decision and writes nothing. One that a file loaded may want its client's history replayed.
    """
    known = None if posted.id is None else transactions.find(connection, posted.id, hold=True)
    if known is not None:
        return _of_known(connection, posted, known, terms, now, advice, replays)
    if posted.id is not None and FIRST_ASSIGNED <= posted.id < FIRST_MADE:
        return Conflict(f"ids from {FIRST_ASSIGNED} on are assigned by the scorer, and it never gave {posted.id}")
    if scored is None or not _holds(connection, scored, terms):
        scored = score(connection, posted, terms, now)
    # One that comes late is remembered in its place, among all that a file brought; one that was deleted goes first.
    if (_late(scored, posted) or _was_there(connection, posted)) and follow_client(connection, posted.client_id):
        scored = score(connection, posted, terms, now)
    id = transactions.next_id(connection) if posted.id is None else posted.id
    event = scored.case.event if posted.id == id else replace(scored.case.event, id=id)
    verdict, decision = _advised(scored, posted, terms, now, advice)
    marks = Marks(int(verdict.suspicious))
    transactions.insert(connection, _row(connection, posted, event, terms, verdict), event.cents)
    # A copy: work may be done twice, and what was scored must not hold what was rolled back.
    follow(connection, scored.case.profile.copy(), [Change(None, (event, marks))])
    sums.count_reasons(connection, event, marks.flagged, (reason.code for reason in verdict.reasons))
    transactions.store_decision(connection, id, decision)
    return Decided(id, decision)


def _holds(connection: Connection, scored: Scored, terms: Terms) -> bool:
    """Whether nothing has changed on which a score rests, of the client, the card and the merchant."""
    case = scored.case
    basis = case.profile.version, scored.excepted
    now = profiles.basis(connection, case.event)
    return basis == now and case.velocity == velocity.read(connection, case.event, terms.rules.file.small)


def _late(scored: Scored, posted: Submission) -> bool:
    """Whether a transaction isn't the latest of its client; ids that are given here rise.

    What is gone from the store may still be remembered.
    """
    profile, event = scored.case.profile, scored.case.event
    if profile.recent and _place(posted, event) <= profile.recent[-1][:2]:
        return True
    return profile.memory is not None and any(event.seconds <= seconds for seconds in profile.memory.hour)


def _place(posted: Submission, event: Event) -> memories.Place:
    return event.seconds, FIRST_MADE if posted.id is None else posted.id


def _was_there(connection: Connection, posted: Submission) -> bool:
    return posted.id is not None and is_to_be_counted(connection, posted.client_id, posted.id)


def decide_some(
    connection: Connection,
    several: Sequence[Submission],
    terms: Terms,
    now: datetime,
    advice: Advice = NO_ADVICE,
    replays: Replays = NOTHING_REPLAYED,
) -> tuple[list[Decided | Conflict], Wanted | None]:
    """Decide transactions in their order for as long as others may wait, at least one.

    The first that wants its client's history replayed is told, and ends it.
    """
    until = time.perf_counter() + TURN_SECONDS
    found: list[Decided | Conflict] = []
    for posted in several:
        one = decide_and_store(connection, posted, terms, now, advice, replays=replays)
        if isinstance(one, Wanted):
            return found, one
        found.append(one)
        if time.perf_counter() > until:
            break
    return found, None


def _of_known(
    connection: Connection,
    posted: Submission,
    stored: transactions.Stored,
    terms: Terms,
    now: datetime,
    advice: Advice,
    replays: Replays,
) -> Decided | Conflict | Wanted:
    """Decide a transaction that the store has, unless that was done."""
    transaction, decision = stored
    id = int(transaction["id"])
    if decision is not None and decision["source"] == "online":
        if decision["body_hash"] == posted.body_hash():
            return Decided(id, decision, again=True)
        return Conflict(f"transaction {id} was decided already, with another body")
    if differs := _differing(posted, transaction, terms.currency):
        return Conflict(f"transaction {id} was loaded already, with another {differs}")
    event = posted.event(id, datetime.strptime(transaction["date"], DATE_FORMAT))
    before = Marks(transaction["flagged_fraud"], transaction["is_fraud"])
    # It may be in the profile already, as a transaction that nobody decided.
    known, replayed = history.known(connection, event, replays), replays.get(event.client_id)
    # Decided as it would have been: what came later isn't known then.
    if known is None or replayed is None or id not in replayed.before:
        return Wanted(event.client_id)
    terms = at_its_time(terms, event, profiles.newest_day(connection) or 0)
    around = _around(connection, event, known.excepted, terms, now)
    scored = scored_by(connection, event, replayed.before[id], around, terms)
    scored = _challenged(connection, scored, posted, now)
    verdict, decision = _advised(scored, posted, terms, now, advice)
    after = before._replace(flagged=int(verdict.suspicious))
    transactions.flag(connection, id, verdict.suspicious, posted.description)
    known.judge_anew(connection, event, before, after)
    transactions.replace_decisions(connection, {id: decision})
    sums.count_reasons(connection, event, after.flagged, (reason.code for reason in verdict.reasons))
    return Decided(id, decision)


def _advised(
    scored: Scored, posted: Submission, terms: Terms, now: datetime, advice: Advice
) -> tuple[Verdict, dict[str, Any]]:
    """The verdict once a language model was heard, and the decision that it makes."""
    challenged = scored.challenged
    if advice.reasons:
        scored = advised(scored, advice.reasons, terms)
    if posted.can_challenge:
        scored = replace(scored, verdict=stepped_up(scored.verdict, terms.rules.file.decision, challenged))
    return scored.verdict, decision_of(scored, terms, now, posted.body_hash(), advice.llm_status)


def _row(connection: Connection, posted: Submission, event: Event, terms: Terms, verdict: Verdict) -> dict[str, Any]:
    return {name: getattr(posted, name) for name in CONTENT if name != "amount"} | {
        "id": event.id,
        "date": date_for(connection.store, event.seconds),
        "currency": posted.currency or terms.currency,
        "flagged_fraud": int(verdict.suspicious),
        "is_fraud": None,
    }


def _differing(posted: Submission, transaction: Mapping[str, Any], currency: str) -> str | None:
    """The first column in which a post and the store's transaction differ."""
    if posted.cents != int(transaction["amount"] * 100):
        return "amount"
    said = posted.model_dump() | {"currency": posted.currency or currency}
    said["date"] = posted.date.strftime(DATE_FORMAT) if posted.date else None
    return next((name for name in _COMPARED if _form(name, said[name]) != _form(name, transaction[name])), None)


def _form(name: str, value: object) -> object:
    """What of a column's value counts: older versions stored texts as somebody had written them."""
    return STORED[name](value) if name in STORED and isinstance(value, str) else value
