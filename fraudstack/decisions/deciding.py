"""The way from a submission to a stored decision, inside one write transaction of the store."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from fraudstack.decisions.submission import Submission
from fraudstack.decisions.work import TURN_SECONDS
from fraudstack.fields.ids import FIRST_MADE
from fraudstack.places import STORED
from fraudstack.profiles.event import Event, Marks
from fraudstack.profiles.profile import Profile
from fraudstack.rules.config import Rules, RulesFile
from fraudstack.rules.decide import Verdict, decide, in_grey_band
from fraudstack.rules.reasons import Case, Reason
from fraudstack.schema import CONTENT, DATE_FORMAT, FIRST_ASSIGNED
from fraudstack.storage import profiles, sums, transactions, value_days
from fraudstack.storage.connections.online import Connection, date_for
from fraudstack.storage.following import history
from fraudstack.storage.following.changes import follow_client, is_to_be_counted
from fraudstack.storage.following.follow import Change, follow
from fraudstack.storage.following.history import Replays, Wanted

if TYPE_CHECKING:
    from fraudstack.model.artefact import Model
    from fraudstack.model.online import Opinion

# What a file of transactions can say; a description comes through the API alone.
_COMPARED = tuple(name for name in CONTENT if name not in ("id", "amount", "description"))


@dataclass(frozen=True)
class Terms:
    """What decisions are made by at a moment."""

    rules: Rules
    # ISO 4217.
    currency: str
    # Names of merchant category codes.
    categories: Mapping[int, str] = field(default_factory=dict)
    model: "Model | None" = None
    # Why the champion isn't asked.
    model_problem: str | None = None
    # Is told how many seconds a model's opinion took.
    timed: Callable[[float], object] | None = None
    # Is told what kept a model from an opinion, and puts it in a sentence.
    failed: Callable[[Exception], str] = str


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
# Decisions that a text could still change.
_OPEN = ("normal", "suspicious")


@dataclass(frozen=True)
class Scored:
    """What rules and model say of a transaction; `excepted`: an analyst allowed this client at this merchant."""

    case: Case
    excepted: bool
    opinion: "Opinion | None"
    verdict: Verdict
    # Why the champion wasn't heard.
    problem: str | None = None

    @property
    def basis(self) -> tuple[int, bool]:
        """What has to be as it was for the score to hold."""
        return self.case.profile.version, self.excepted

    @property
    def grey(self) -> bool:
        """Whether the score is neither clear nor alarming, so that the text is worth asking."""
        return self.verdict.decision in _OPEN and in_grey_band(self.case, self.verdict.score)


def score(connection: Connection, posted: Submission, terms: Terms, now: datetime) -> Scored:
    """What is said of a transaction that the store doesn't have, by what the store holds at this moment."""
    event = posted.event(posted.id or 0, now)
    profile, excepted = profiles.read(connection, event)
    return scored_by(connection, event, profile, excepted, terms)


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
    if scored is None or scored.basis != profiles.basis(connection, scored.case.event):
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


def _late(scored: Scored, posted: Submission) -> bool:
    """Whether a transaction isn't the latest of its client; ids that are given here rise."""
    recent = scored.case.profile.recent
    id = FIRST_MADE if posted.id is None else posted.id
    return bool(recent) and (scored.case.event.seconds, id) <= recent[-1][:2]


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
    kept = history.known(connection, event, replays)
    remembers = kept is not None and kept.profile.memory is not None and terms.model is not None
    if kept is None or (remembers and event.client_id not in replays):
        return Wanted(event.client_id)
    profile = kept.without(connection, event, before)
    if remembers:
        # As it was at its time: what came later isn't known then.
        profile.memory = replays[event.client_id].before.get(id)
    scored = scored_by(connection, event, profile, kept.excepted, terms)
    verdict, decision = _advised(scored, posted, terms, now, advice)
    after = before._replace(flagged=int(verdict.suspicious))
    transactions.flag(connection, id, verdict.suspicious, posted.description)
    kept.judge_anew(connection, event, before, after)
    transactions.replace_decision(connection, id, decision)
    sums.count_reasons(connection, event, after.flagged, (reason.code for reason in verdict.reasons))
    return Decided(id, decision)


def _advised(
    scored: Scored, posted: Submission, terms: Terms, now: datetime, advice: Advice
) -> tuple[Verdict, dict[str, Any]]:
    """The verdict once a language model was heard, and the decision that it makes."""
    if advice.reasons:
        scored = _heard(scored.case, scored.excepted, scored.opinion, scored.problem, terms, advice.reasons)
    return scored.verdict, decision_of(scored, terms, now, posted.body_hash(), advice.llm_status)


class OpinionLike(Protocol):
    """A model's opinion of a transaction."""

    def reason(self, rules: RulesFile) -> Reason | None:
        """It as one reason; None where the rules file doesn't let it speak."""

    def reasons(self, whole: Reason) -> Sequence[Reason]:
        """That reason in parts, which together weigh the same."""


def judged(case: Case, excepted: bool, opinion: OpinionLike | None, more: Sequence[Reason] = ()) -> Verdict:
    """The verdict of rules, model and language model; what the model rests on is asked only for what isn't normal."""
    whole = None if opinion is None else opinion.reason(case.rules)
    if opinion is None or whole is None:
        return decide(case, excepted=excepted, more=more)
    verdict = decide(case, excepted=excepted, more=[whole, *more])
    if whole not in verdict.reasons or not verdict.suspicious:
        return verdict
    return decide(case, excepted=excepted, more=[*opinion.reasons(whole), *more])


def scored_by(connection: Connection, event: Event, profile: Profile, excepted: bool, terms: Terms) -> Scored:
    """What is said of a transaction by a profile, which has its habits and doesn't count it."""
    category = None if event.mcc is None else terms.categories.get(event.mcc)
    case = Case(event, profile, terms.rules.file, category)
    # Of a client whose past nobody remembered, a model would think that there is none.
    if terms.model is None or profile.memory is None:
        return _heard(case, excepted, None, terms.model_problem, terms)
    # With it comes numpy, which a scorer without a model does without.
    from fraudstack.model.online import opinion

    started = time.perf_counter()
    values = value_days.read(connection, event)
    try:
        said = opinion(terms.model, event, profile.memory, values)
    except Exception as error:  # noqa: BLE001 - whatever a model does, the rules decide
        return _heard(case, excepted, None, terms.failed(error), terms)
    if terms.timed is not None:
        terms.timed(time.perf_counter() - started)
    return _heard(case, excepted, said, terms.model_problem, terms)


def _heard(
    case: Case,
    excepted: bool,
    opinion: "Opinion | None",
    problem: str | None,
    terms: Terms,
    more: Sequence[Reason] = (),
) -> Scored:
    """What rules and model say, other reasons included; the rules alone where a model can't say what it rests on."""
    try:
        return Scored(case, excepted, opinion, judged(case, excepted, opinion, more), problem)
    except Exception as error:
        if opinion is None:
            raise
        return _heard(case, excepted, None, terms.failed(error), terms, more)


def decision_of(
    scored: Scored, terms: Terms, now: datetime, body_hash: str | None, llm_status: str | None
) -> dict[str, Any]:
    """A score as a row of `decisions`, taken online."""
    verdict, opinion = scored.verdict, scored.opinion
    return {
        "decided_at": str(now),
        "score": verdict.score,
        "suspicious": verdict.suspicious,
        "decision": verdict.decision,
        "reason": verdict.reason,
        "reasons": [reason._asdict() for reason in verdict.reasons],
        "llm_status": llm_status,
        "rules_version": terms.rules.version,
        "model_version": None if opinion is None else opinion.model.version,
        "model_problem": scored.problem,
        "body_hash": body_hash,
        "source": "online",
    }


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
