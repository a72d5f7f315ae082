"""POST /transaction: decide before the card holder notices."""

import asyncio
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Request
from starlette.responses import Response

from api import metrics
from api.answers import DecisionOut, LeftOut, json_answer, of_decided
from api.keys import needs
from api.problems import AGAIN, Refused
from api.reading import DRY_RUN, WAIT, JsonRoute, dry_run, wait_ms
from api.state import Scorer
from api.waiting import LateError, Patience
from fraudstack.decisions.asked import NOT_ASKED, Advice, Asked, Conflict, Decided
from fraudstack.decisions.deciding import preview, score
from fraudstack.decisions.scoring import Scored
from fraudstack.decisions.submission import Submission
from fraudstack.decisions.terms import Terms
from fraudstack.decisions.turns import decided_in_turn
from fraudstack.decisions.work import Overloaded, Unfinished
from fraudstack.errors import StoreError
from fraudstack.fields.dates import this_second

router = APIRouter(tags=["scoring"], route_class=JsonRoute)

_EXAMPLE = {
    "id": 23761875,
    "date": "2019-11-01 12:30:00",
    "client_id": "1556",
    "card_id": "2972",
    "amount": 812.40,
    "currency": "USD",
    "use_chip": "Chip Transaction",
    "merchant_id": "59935",
    "merchant_city": "Rome",
    "merchant_state": "Italy",
    "mcc": 5411,
}
# A model is asked where there is time for several of its opinions, a language model where enough is left to store.
_SURELY = 3
_STORING_SECONDS = 0.05
_LEAST_FOR_A_TEXT = 0.1
_CONFLICT: dict[int | str, dict[str, Any]] = {409: {"description": "The id stands for another transaction"}}

Example = Body(openapi_examples={"abroad": {"summary": "A chip payment abroad", "value": _EXAMPLE}})


@router.post(
    "/transaction",
    response_model=DecisionOut,
    responses=_CONFLICT,
    dependencies=[Depends(needs("score"))],
    openapi_extra={"parameters": [DRY_RUN, WAIT]},
)
async def post_transaction(request: Request, posted: Annotated[Submission, Example]) -> Response:
    """Decide one transaction; it, the decision and the profile are stored before the answer leaves.

    The same id and body again gives the stored decision; the same id with another body is a conflict (409).
    """
    scorer: Scorer = request.app.state.scorer
    patience = Patience(request, wait_ms(request))
    now, terms = this_second(), scorer.terms()
    check_currency(posted, terms)
    left_out: list[LeftOut] = []
    if terms.model is not None and patience.left < scorer.opinion_seconds * _SURELY:
        terms = replace(terms, model=None, challenger=None)
        left_out.append("model")
    if dry_run(request):
        # Nobody keeps what a challenger says of it.
        dry = await _in_time(scorer, posted, replace(terms, challenger=None), now, patience)
        return json_answer(of_decided(preview(dry, posted, terms, now), left_out))
    # Overload is told before anything is done for a decision that couldn't be written.
    with scorer.writer.room() as room:
        scored = await _score_ahead(scorer, posted, terms, now, patience)
        advice = await _advice(scorer, posted, scored, patience, left_out)
        asked = Asked(posted, terms, now, advice, scored)
        try:
            found = await patience.wait_for(decided_in_turn(room, scorer.readers, asked))
        except (LateError, Overloaded, Unfinished, StoreError):
            # Somebody who can't wait is told what is known by now.
            if scored is None or not patience.bounded:
                raise
            known = preview(scored, posted, terms, now, advice)
            return json_answer(of_decided(known, [*left_out, "storing"]))
    if isinstance(found, Conflict):
        raise Refused(409, found.sentence)
    count(found)
    return json_answer(of_decided(found, left_out))


def check_currency(posted: Submission, terms: Terms) -> None:
    """Raise Refused (422) for a currency that isn't the store's."""
    if posted.currency not in (None, terms.currency):
        raise Refused(422, f"currency: this store holds {terms.currency}; other currencies are not compared with it")


def _score(scorer: Scorer, posted: Submission, terms: Terms, now: datetime) -> Scored:
    with scorer.readers.reading() as connection:
        return score(connection, posted, terms, now)


async def _score_ahead(
    scorer: Scorer, posted: Submission, terms: Terms, now: datetime, patience: Patience
) -> Scored | None:
    """What the rules say before the turn to write has come; None where it is found out within the transaction."""
    if scorer.store.path is not None:
        # In the event loop: a hop to a thread takes as long.
        return _score(scorer, posted, terms, now)
    # PostgreSQL locks a client, not the store: looking within the lock keeps nobody else, and saves round trips.
    if patience.bounded or (scorer.text and posted.description):
        return await _in_time(scorer, posted, terms, now, patience)
    return None


async def _in_time(scorer: Scorer, posted: Submission, terms: Terms, now: datetime, patience: Patience) -> Scored:
    try:
        return await patience.wait_for(asyncio.to_thread(_score, scorer, posted, terms, now))
    except LateError:
        why = "there was no time within X-Wait-Ms to read what is known; this wasn't written, send it again"
        raise Refused(503, why, AGAIN) from None


async def _advice(
    scorer: Scorer, posted: Submission, scored: Scored | None, patience: Patience, left_out: list[LeftOut]
) -> Advice:
    """What a language model says of the text, asked outside any database transaction; without one, nothing."""
    if scorer.text is None:
        return OFF
    if not posted.description or scored is None or not scored.grey:
        return NOT_ASKED
    seconds = patience.left - _STORING_SECONDS
    if seconds < _LEAST_FOR_A_TEXT:
        left_out.append("language model")
        return NOT_ASKED
    try:
        async with asyncio.timeout(seconds if patience.bounded else None):
            advice = await scorer.text.ask(posted.description)
    except TimeoutError:
        left_out.append("language model")
        advice = Advice((), "timeout")
    metrics.LLM.labels(advice.llm_status).inc()
    return advice


OFF = Advice((), "off")


def count(found: Decided) -> None:
    """Count a decision, unless it was counted before."""
    if found.again:
        return
    metrics.decisions(found.decision["decision"]).inc()
    for reason in found.decision["reasons"]:
        metrics.reasons(reason["code"]).inc()
