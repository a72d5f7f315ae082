"""The queue of suspicious transactions: one at a time, each for one analyst."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import streamlit as st

from dashboard import case, queries_review, reviewer, scorer, stores, words
from dashboard.scorer import Claim
from fraudstack.errors import Refusal
from fraudstack.storage.transactions import Stored

# What an analyst may say: the word on the button, its key, its picture.
_VERDICTS = {
    "fraud": ("Fraud", "F", ":material/gpp_bad:"),
    "legitimate": ("Legitimate", "L", ":material/verified_user:"),
    "unsure": ("Unsure", "U", ":material/help:"),
}
_EXCEPTION_DAYS = (30, 90, 180, 365)
_ROUNDS = 3
_WHY_SAMPLE = (
    "Unflagged transactions, drawn at random. The queue shows only what the rules found; what they miss, and so the "
    "share of frauds that they find (recall), is known only when some of the rest is looked at too."
)
# On a phone what is to be judged fills several screens: the buttons stay at its foot.
_AT_HAND = """<style>@media (max-width: 640px) {
.st-key-verdicts {position: fixed; inset: auto 0 0 0; z-index: 99; flex-direction: row; gap: .5rem; padding: .6rem;
  backdrop-filter: blur(16px)}
.st-key-verdicts > div {flex: 1 1 0; min-width: 0}
.st-key-verdicts kbd, .st-key-verdicts [data-testid=stIconMaterial] {display: none}
}</style>"""


@dataclass
class Session:
    """What a reader's session remembers."""

    now: Claim | None = None
    last: Claim | None = None
    # Said to be unsure, or unknown to the scorer: they don't come back.
    passed: set[int] = field(default_factory=set)
    # Drawn at random.
    sampled: set[int] = field(default_factory=set)
    judged: int = 0
    waiting: int = 0
    # Of them below the budget of alerts a day.
    below: int = 0
    # What went wrong, or well, with the last click.
    problem: str = ""
    done: str = ""


def draw() -> None:
    """Draw the page."""
    st.title("Review")
    name, every = _asked()
    if not name:
        with stores.transactions() as connection:
            waiting, _ = queries_review.waiting(connection)
        wait = f"{_counted(waiting)} wait for a verdict. " if waiting else ""
        st.info(
            f"{wait}Type your name to begin: it stands with your verdicts, and nobody else is given what you look at."
        )
        return
    session = _session()
    try:
        session.now = _kept(session.now, name) or _next(session, name, every)
    except scorer.ScorerError as error:
        session.problem = str(error)
    if session.done:
        st.toast(session.done, icon=":material/check:")
    if session.problem:
        st.error(session.problem, icon=":material/error:")
    if session.now is None or session.now.reviewer != name:
        _nothing(session, every)
    else:
        _case(session, session.now)
    session.problem = session.done = ""


def _counted(waiting: int) -> str:
    most = queries_review.MOST_COUNTED
    return f"{words.count(min(waiting, most))}{'+' if waiting > most else ''}"


def _session() -> Session:
    session: Session = st.session_state.setdefault("review", Session())
    return session


def _asked() -> tuple[str, int]:
    """The reviewer's name, and every which transaction is a random one (0: none is)."""
    reviewer.own_key()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = reviewer.name()
        wanted = st.toggle("Mix in a random sample", key="sample", bind="query-params", help=_WHY_SAMPLE)
        every = st.number_input("One in", 2, 100, 5, key="every", bind="query-params", width=140) if wanted else 0
    return name, every


def _kept(claim: Claim | None, name: str) -> Claim | None:
    """What this reviewer looks at already; None where that is nothing, or somebody else's by now."""
    if claim is None or claim.reviewer != name:
        return None
    try:
        return scorer.renewed(claim)
    except (scorer.TakenError, scorer.UnknownError):
        return None


def _next(session: Session, name: str, every: int) -> Claim | None:
    """The first that nobody else has; in its turn, or when none waits, one of the sample."""
    unknown: scorer.UnknownError | None = None
    for _ in range(_ROUNDS):
        for id in _candidates(session, name, every):
            try:
                return scorer.claim(id, name)
            except scorer.TakenError:
                continue
            except scorer.UnknownError as error:
                session.passed.add(id)
                unknown = error
    if unknown is not None:
        raise unknown
    return None


def _candidates(session: Session, name: str, every: int) -> list[int]:
    days = _unflagged_days() if every else {}
    with stores.transactions() as connection:
        session.waiting, session.below = queries_review.waiting(connection)
        ids = queries_review.queue(connection, name, session.passed)
        if every and (not ids or session.judged % every == every - 1):
            drawn = queries_review.sample(connection, days)
            if drawn is not None and drawn not in session.passed:
                session.sampled.add(drawn)
                return [drawn, *ids]
    return ids


# It changes slowly, and a draw is mended by what the day really has.
@st.cache_data(ttl=300, max_entries=1, show_spinner=False)
def _unflagged_days() -> dict[str, int]:
    with stores.transactions() as connection:
        return queries_review.unflagged_days(connection)


def _nothing(session: Session, every: int) -> None:
    if session.problem:
        pass
    elif session.waiting > len(session.passed):
        st.info("Others look at all that wait just now. Look again in a moment.", icon=":material/group:")
    else:
        more = " Nor was an unflagged transaction found whose truth isn't known." if every else ""
        st.success(f"Nothing waits for your verdict.{more} What the scorer flags comes here.", icon=":material/done:")
    st.button("Look again", icon=":material/refresh:")
    _back_button(session)


def _case(session: Session, claim: Claim) -> None:
    at_left, at_right = st.columns([2, 1], gap="large")
    with at_left, stores.transactions() as connection:
        if claim.id in session.sampled:
            st.info("Drawn at random: the rules didn't flag this one.", icon=":material/casino:")
        found = case.draw(connection, claim.id)
    with at_right:
        _verdict(claim)
        if found is not None and found.transaction["merchant_id"]:
            _exception(claim, found)
        behind = f", {words.count(session.below)} of them below the budget of alerts a day" if session.below else ""
        judged = words.count(session.judged)
        st.caption(f"{_counted(session.waiting)} wait for a verdict{behind}; you gave {judged} in this session.")
        _back_button(session)


def _verdict(claim: Claim) -> None:
    st.html(_AT_HAND)
    with st.container(border=True):
        note = f"note {claim.id}"
        hint = "What you saw, if others should know"
        # Writing alone runs nothing; the note goes along with the verdict.
        st.text_area("Note", "", None, 2000, note, placeholder=hint, on_change="ignore", persist_state="session")
        with st.container(key="verdicts"):
            for verdict, (label, key, icon) in _VERDICTS.items():
                name, asked = f"{verdict} {claim.id}", (claim, verdict)
                st.button(label, name, shortcut=key, icon=icon, width="stretch", on_click=_judge, args=asked)
        st.caption("The keys work while you aren't writing a note.")


def _note(id: int) -> str | None:
    return str(st.session_state.get(f"note {id}") or "").strip() or None


def _judge(claim: Claim, verdict: str) -> None:
    session = _session()
    # A key that was pressed twice must not judge the next one unseen.
    if session.now is None or session.now.id != claim.id:
        return
    try:
        scorer.review(session.now, verdict, _note(claim.id))
    except (scorer.TakenError, scorer.UnknownError) as error:
        session.problem, session.now = f"{error} Here is the next one.", None
        return
    except Refusal as error:
        session.problem = str(error)
        return
    if verdict == "unsure":
        session.passed.add(claim.id)
    st.session_state.pop(f"note {claim.id}", None)
    session.judged += 1
    session.last, session.now = claim, None
    session.done = f"Transaction {claim.id}: {verdict}"


def _back_button(session: Session) -> None:
    if session.last is not None:
        st.button("Back to the last one", icon=":material/undo:", shortcut="B", on_click=_back, args=(session.last,))


def _back(last: Claim) -> None:
    session = _session()
    try:
        session.now, session.last = scorer.claim(last.id, last.reviewer), None
    except Refusal as error:
        session.problem = str(error)


def _exception(claim: Claim, found: Stored) -> None:
    with st.container(border=True):
        days = st.selectbox(
            "Exception for this client at this merchant",
            _EXCEPTION_DAYS,
            1,
            format_func="{} days".format,
            key="exception",
            persist_state="session",
            help="Rules of habit keep silent there; block lists and rules of haste still hold.",
        )
        until = (datetime.now(UTC) + timedelta(days=days)).replace(microsecond=0)
        label, name = f"Fine for this client until {until.date()}", f"exception {claim.id}"
        asked = (claim, found, until)
        st.button(label, name, icon=":material/event_available:", width="stretch", on_click=_allow, args=asked)


def _allow(claim: Claim, found: Stored, until: datetime) -> None:
    session, transaction = _session(), found.transaction
    try:
        scorer.allow(transaction["client_id"], transaction["merchant_id"], until, claim.reviewer, _note(claim.id))
    except Refusal as error:
        session.problem = str(error)
    else:
        session.done = f"Fine until {until.date()}. Give this transaction its verdict too."
