"""POST /transaction and POST /transactions: decide before the card holder notices."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Query, Request
from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api import metrics
from api.answers import DecisionOut, json_answer, of_decided
from api.keys import needs
from api.problems import AGAIN, Problem, Refused, field_problems, told, why_not_now
from api.reading import JsonRoute
from api.state import Scorer, this_second
from fraudstack.decisions.deciding import (
    Advice,
    Conflict,
    Decided,
    Scored,
    Terms,
    decide_and_store,
    preview,
    score,
)
from fraudstack.decisions.submission import Submission
from fraudstack.decisions.turns import decided_in_turns, settled
from fraudstack.decisions.writer import Overloaded, Unfinished
from fraudstack.errors import StoreError
from fraudstack.llm.scorer import NOT_ASKED
from fraudstack.storage.history import Replays, Wanted
from fraudstack.storage.online import Connection

router = APIRouter(tags=["scoring"], route_class=JsonRoute)

MOST_IN_A_BATCH = 1000
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
_CONFLICT: dict[int | str, dict[str, Any]] = {409: {"description": "The id stands for another transaction"}}

Example = Body(openapi_examples={"abroad": {"summary": "A chip payment abroad", "value": _EXAMPLE}})


@router.post("/transaction", response_model=DecisionOut, responses=_CONFLICT, dependencies=[Depends(needs("score"))])
async def post_transaction(
    request: Request,
    posted: Annotated[Submission, Example],
    dry_run: Annotated[bool, Query(description="Decide without writing.")] = False,
) -> Response:
    """Decide one transaction; it, the decision and the profile are stored before the answer leaves.

    The same id and body again gives the stored decision; the same id with another body is a conflict (409).
    """
    scorer: Scorer = request.app.state.scorer
    now, terms = this_second(), scorer.terms()
    _check_currency(posted, terms)
    if dry_run:
        dry = await run_in_threadpool(_score, scorer, posted, terms, now)
        return json_answer(of_decided(preview(dry, posted, terms, now)))
    # Overload is told before anything is done for a decision that couldn't be written.
    with scorer.writer.room() as room:
        scored = await _scored(scorer, posted, terms, now)
        advice = await _advice(scorer, posted, scored)

        async def written(replays: Replays) -> Decided | Conflict | Wanted:
            def work(connection: Connection) -> Decided | Conflict | Wanted:
                return decide_and_store(connection, posted, terms, now, advice, scored, replays)

            done: Decided | Conflict | Wanted = await room.written(work, (posted.client_id,))
            return done

        found: Decided | Conflict = await settled(scorer.readers, written, () if posted.id is None else (posted.id,))
    if isinstance(found, Conflict):
        raise Refused(409, found.sentence)
    _count(found)
    return json_answer(of_decided(found))


class Batch(BaseModel):
    """Up to 1,000 transactions, in the order in which they are to be decided."""

    transactions: Annotated[list[dict[str, Any]], Body(min_length=1, max_length=MOST_IN_A_BATCH)]


class Result(BaseModel):
    """What became of one transaction of a batch: a decision, or a problem."""

    status: int
    decision: DecisionOut | None = None
    problem: Problem | None = None


class Results(BaseModel):
    """One result for each transaction, in their order."""

    results: list[Result]


@router.post("/transactions", response_model=Results, dependencies=[Depends(needs("score", counted=False))])
async def post_transactions(request: Request, batch: Batch) -> Response:
    """Decide up to 1,000 transactions, each with its own result, at most 100 to a database transaction.

    Where a result's status is 503, send that transaction again. Texts of a batch aren't shown to a language model.
    """
    scorer: Scorer = request.app.state.scorer
    now, terms = this_second(), scorer.terms()
    if key := request.scope.get("key"):
        await scorer.guard.spend(key, len(batch.transactions))
    scorer.writer.look_for_room()
    checked = [_checked(raw, terms) for raw in batch.transactions]
    usable = [posted for posted in checked if isinstance(posted, Submission)]
    advice = NOT_ASKED if scorer.text else _OFF
    found = decided_in_turns(scorer.writer, scorer.readers, usable, terms, now, advice)
    results: list[dict[str, Any]] = []
    stored, why = False, None
    for posted in checked:
        if not isinstance(posted, Submission):
            results.append(posted)
            continue
        if why is None:
            try:
                results.append(_result(await anext(found)))
                stored = True
                continue
            except (Overloaded, Unfinished, StoreError) as error:
                if not stored:
                    raise
                # Each is told what became of it: those before are stored.
                why = why_not_now(error)
        results.append(_problem(503, why))
    return json_answer({"results": results}, headers=AGAIN if why else None)


def _checked(raw: dict[str, Any], terms: Terms) -> Submission | dict[str, Any]:
    """A submission, or the result that says why it is none."""
    try:
        posted = Submission.model_validate(raw)
        _check_currency(posted, terms)
    except ValidationError as error:
        errors = field_problems(error.errors(), skip=0)
        field, message = errors[0]
        return _problem(422, f"{field}: {message}", errors)
    except Refused as error:
        return _problem(error.status, error.detail)
    return posted


def _problem(status: int, detail: str, errors: Sequence[tuple[str, str]] | None = None) -> dict[str, Any]:
    return {"status": status, "problem": told(status, detail, errors)}


def _result(found: Decided | Conflict) -> dict[str, Any]:
    if isinstance(found, Conflict):
        return _problem(409, found.sentence)
    _count(found)
    return {"status": 200, "decision": of_decided(found)}


def _check_currency(posted: Submission, terms: Terms) -> None:
    if posted.currency not in (None, terms.currency):
        raise Refused(422, f"currency: this store holds {terms.currency}; other currencies are not compared with it")


def _score(scorer: Scorer, posted: Submission, terms: Terms, now: datetime) -> Scored:
    with scorer.readers.reading() as connection:
        return score(connection, posted, terms, now)


async def _scored(scorer: Scorer, posted: Submission, terms: Terms, now: datetime) -> Scored | None:
    """What the rules say before the turn to write has come; None where it is found out within the transaction."""
    if scorer.store.path is not None:
        # In the event loop: a hop to a thread takes as long.
        return _score(scorer, posted, terms, now)
    # PostgreSQL locks a client, not the store: looking within the lock keeps nobody else, and saves round trips.
    return await run_in_threadpool(_score, scorer, posted, terms, now) if scorer.text and posted.description else None


async def _advice(scorer: Scorer, posted: Submission, scored: Scored | None) -> Advice:
    """What a language model says of the text, asked outside any database transaction; without one, nothing."""
    if scorer.text is None:
        return _OFF
    if not posted.description or scored is None or not scored.grey:
        return NOT_ASKED
    advice = await scorer.text.ask(posted.description)
    metrics.LLM.labels(advice.llm_status).inc()
    return advice


_OFF = Advice((), "off")


def _count(found: Decided) -> None:
    if found.again:
        return
    metrics.decisions(found.decision["decision"]).inc()
    for reason in found.decision["reasons"]:
        metrics.reasons(reason["code"]).inc()
