"""The way from a submission to a stored decision, inside one write transaction of the store."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import takewhile
from typing import Any

from fraudstack.decisions.around import around_each
from fraudstack.decisions.asked import NOT_ASKED, Advice, Asked, Conflict, Decided, apart, differing
from fraudstack.decisions.scoring import Scored, advised, decision_of, scored_by
from fraudstack.decisions.submission import Submission
from fraudstack.decisions.terms import Terms, at_its_time, looks_back
from fraudstack.decisions.work import TURN_SECONDS
from fraudstack.features.client import ClientMemory
from fraudstack.fields.ids import FIRST_MADE
from fraudstack.profiles.event import Event, Marks
from fraudstack.profiles.profile import Profile
from fraudstack.rules.decide import Verdict, stepped_up
from fraudstack.schema import CONTENT, DATE_FORMAT, FIRST_ASSIGNED
from fraudstack.storage import challenges, lists, memories, profiles, sums, transactions, velocity
from fraudstack.storage.connections.online import Connection, date_for
from fraudstack.storage.following import changes, history
from fraudstack.storage.following.changes import follow_client
from fraudstack.storage.following.follow import Change, follow
from fraudstack.storage.following.history import Wanted

# Transactions of a client that are read for one that is dated before others; of more a model hears what it can.
_MOST_READ = 1_000


def score(connection: Connection, posted: Submission, terms: Terms, now: datetime) -> Scored:
    """What is said of a transaction that the store doesn't have, by what the store holds at this moment."""
    return _score_each(connection, [Asked(posted, terms, now)])[0]


def _score_each(connection: Connection, several: Sequence[Asked]) -> list[Scored]:
    """What is said of transactions by what the store holds, which is looked up together."""
    if not several:
        return []
    events, terms = [one.event for one in several], [one.terms for one in several]
    found = profiles.read_of(
        connection, events, [looks_back(event, by) for event, by in zip(events, terms, strict=True)]
    )
    listed = lists.of(connection, events, [one.now for one in several])
    around = around_each(connection, events, terms, listed, [excepted for _, excepted in found])
    scored = []
    for one, event, (profile, _), there in zip(several, events, found, around, strict=True):
        memory = _memory_at(connection, profile, _place(one.posted, event)) if one.terms.asks else None
        scored.append(_challenged(connection, scored_by(event, profile, there, one.terms, memory), one.posted, one.now))
    return scored


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


def preview(scored: Scored, posted: Submission, terms: Terms, now: datetime, advice: Advice = NOT_ASKED) -> Decided:
    """What would be decided by a score, without writing."""
    return Decided(posted.id or 0, _advised(scored, posted, terms, now, advice)[1])


def decide(connection: Connection, several: Sequence[Asked]) -> list[Decided | Conflict | Wanted]:
    """Decide posted transactions in their order, from the first on as many as belong together, at least one.

    They are written, with the decisions and the profiles, in the transaction under way. What was `scored` before it
    began holds if nothing has changed since. The same post again gives the stored decision and writes nothing. One that
    a file loaded may want its client's history replayed.
    """
    group = apart(several)
    ids = [one.posted.id for one in group if one.posted.id is not None]
    known = transactions.find_each(connection, ids, hold=True)
    first = group[0]
    if first.posted.id in known:
        return [_of_known(connection, first, known[first.posted.id])]
    if _is_foreign(first.posted.id):
        why = f"ids from {FIRST_ASSIGNED} on are assigned by the scorer, and it never gave {first.posted.id}"
        return [Conflict(why)]
    group = list(takewhile(lambda one: one.posted.id not in known and not _is_foreign(one.posted.id), group))
    scored = _score_now(connection, group)
    group = group[: len(scored)]
    given = iter(transactions.next_ids(connection, sum(one.posted.id is None for one in group)))
    return [
        _store(connection, asked, found, next(given) if asked.posted.id is None else asked.posted.id)
        for asked, found in zip(group, scored, strict=True)
    ]


def _is_foreign(id: int | None) -> bool:
    return id is not None and FIRST_ASSIGNED <= id < FIRST_MADE


def _score_now(connection: Connection, group: Sequence[Asked]) -> list[Scored]:
    """What is said of new transactions by what the store holds now, from the first on, at least of one."""
    scored = _score_again(connection, group)
    first = next((at for at, late in enumerate(_come_late(connection, group, scored)) if late), None)
    if first is None:
        return scored
    # One that comes late is remembered in its place, among all that a file brought; one that was deleted goes first.
    if first == 0 and follow_client(connection, group[0].posted.client_id):
        return _score_each(connection, group[:1])
    return scored[: first or 1]


def _score_again(connection: Connection, group: Sequence[Asked]) -> list[Scored]:
    """What is said of transactions: what was said before where nothing has changed since on which it rests."""
    held = {}
    ahead = [(at, one.scored) for at, one in enumerate(group) if one.scored is not None]
    if ahead:
        # Of the client, the card and the merchant.
        events = [scored.case.event for _, scored in ahead]
        bases = profiles.basis_of(connection, events)
        velocities = velocity.read_of(connection, events, group[0].terms.rules.file.small)
        for (at, scored), basis, around in zip(ahead, bases, velocities, strict=True):
            if (scored.case.profile.version, scored.excepted) == basis and scored.case.velocity == around:
                held[at] = scored
    others = [at for at in range(len(group)) if at not in held]
    held |= zip(others, _score_each(connection, [group[at] for at in others]), strict=True)
    return [held[at] for at in range(len(group))]


def _come_late(connection: Connection, group: Sequence[Asked], scored: Sequence[Scored]) -> list[bool]:
    """Whether a transaction isn't the latest of its client, or was there before."""
    told = [(one.posted.client_id, one.posted.id) for one in group if one.posted.id is not None]
    were_there = dict(zip(told, changes.to_be_counted(connection, told), strict=True))
    return [
        _late(found, one.posted) or were_there.get((one.posted.client_id, one.posted.id or 0), False)
        for one, found in zip(group, scored, strict=True)
    ]


def _store(connection: Connection, asked: Asked, scored: Scored, id: int) -> Decided:
    """Write a transaction, its decision and its profile."""
    posted, terms = asked.posted, asked.terms
    event = scored.case.event if posted.id == id else replace(scored.case.event, id=id)
    verdict, decision = _advised(scored, posted, terms, asked.now, asked.advice)
    marks = Marks(int(verdict.suspicious))
    transactions.insert(connection, _row(connection, posted, event, terms, verdict), event.cents)
    # A copy: work may be done twice, and what was scored must not hold what was rolled back.
    follow(connection, scored.case.profile.copy(), [Change(None, (event, marks))])
    sums.count_reasons(connection, event, marks.flagged, (reason.code for reason in verdict.reasons))
    transactions.store_decision(connection, id, decision)
    return Decided(id, decision)


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


def decide_some(connection: Connection, several: Sequence[Asked]) -> tuple[list[Decided | Conflict], Wanted | None]:
    """Decide transactions in their order for as long as others may wait, at least one.

    The first that wants its client's history replayed is told, and ends it.
    """
    until = time.perf_counter() + TURN_SECONDS
    found: list[Decided | Conflict] = []
    while len(found) < len(several) and (not found or time.perf_counter() <= until):
        for one in decide(connection, several[len(found) :]):
            if isinstance(one, Wanted):
                return found, one
            found.append(one)
    return found, None


def _of_known(connection: Connection, asked: Asked, stored: transactions.Stored) -> Decided | Conflict | Wanted:
    """Decide a transaction that the store has, unless that was done."""
    posted, now, replays = asked.posted, asked.now, asked.replays
    transaction, decision = stored
    id = int(transaction["id"])
    if decision is not None and decision["source"] == "online":
        if decision["body_hash"] == posted.body_hash():
            return Decided(id, decision, again=True)
        return Conflict(f"transaction {id} was decided already, with another body")
    if differs := differing(posted, transaction, asked.terms.currency):
        return Conflict(f"transaction {id} was loaded already, with another {differs}")
    event = posted.event(id, datetime.strptime(transaction["date"], DATE_FORMAT))
    before = Marks(transaction["flagged_fraud"], transaction["is_fraud"])
    # It may be in the profile already, as a transaction that nobody decided.
    known, replayed = history.known(connection, event, replays), replays.get(event.client_id)
    # Decided as it would have been: what came later isn't known then.
    if known is None or replayed is None or id not in replayed.before:
        return Wanted(event.client_id)
    terms = at_its_time(asked.terms, event, profiles.newest_day(connection) or 0)
    listed = lists.of(connection, [event], [now])
    [around] = around_each(connection, [event], [terms], listed, [known.excepted])
    scored = scored_by(event, replayed.before[id], around, terms)
    scored = _challenged(connection, scored, posted, now)
    verdict, decision = _advised(scored, posted, terms, now, asked.advice)
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
