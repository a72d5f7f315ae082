"""POST /transactions: many at once, each with its own result; as JSON, or line by line."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from itertools import takewhile
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, HTTPException, Request
from pydantic import BaseModel, ValidationError
from pydantic_core import to_json
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.answers import DecisionOut, json_answer, of_decided
from api.door import NDJSON, is_ndjson
from api.keys import check, needs
from api.problems import AGAIN, Problem, Refused, field_problems, told, why_not_now
from api.reading import WAIT, JsonRoute, read, wait_ms
from api.routes.scoring import OFF, check_currency, count
from api.state import Scorer
from api.waiting import LateError, Patience
from fraudstack.decisions.asked import NOT_ASKED, Conflict, Decided
from fraudstack.decisions.submission import Submission
from fraudstack.decisions.terms import Terms
from fraudstack.decisions.turns import decided_in_turns
from fraudstack.decisions.work import MOST_TOGETHER, Overloaded, Unfinished
from fraudstack.errors import StoreError
from fraudstack.fields.dates import this_second

MOST_IN_A_BATCH = 1000
_CHECKED_TOGETHER = 25
_LONGEST_LINE = 64 << 10


class _Route(JsonRoute):
    """Lines are read while they are answered, which the framework doesn't do."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The route's handler."""
        handle = super().get_route_handler()

        async def handled(request: Request) -> Response:
            if not is_ndjson(request.scope):
                return await handle(request)
            await check(request, self.dependencies)
            request.app.state.scorer.writer.look_for_room()
            return _Lines(_answered(request))

        return handled


router = APIRouter(tags=["scoring"], route_class=_Route)
_LINES: dict[str, Any] = {
    "requestBody": {
        "content": {NDJSON: {"schema": {"type": "string", "description": "A transaction on each line, of any number."}}}
    }
}


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


@router.post(
    "/transactions",
    response_model=Results,
    dependencies=[Depends(needs("score", counted=False))],
    openapi_extra=_LINES | {"parameters": [WAIT]},
)
async def post_transactions(request: Request, batch: Batch) -> Response:
    """Decide up to 1,000 transactions, each with its own result, at most 100 to a database transaction.

    Where a result's status is 503, send that transaction again. Texts of a batch aren't shown to a language model.
    As application/x-ndjson, a transaction a line, it may be of any length; a result for each comes on a line of its
    own as soon as it is there, so read while you send.
    """
    patience = Patience(request, wait_ms(request))
    scorer: Scorer = request.app.state.scorer
    terms = scorer.terms()
    if key := request.scope.get("key"):
        await scorer.callers.spend(key, len(batch.transactions))
    scorer.writer.look_for_room()
    checked: list[_Checked] = []
    for start in range(0, len(batch.transactions), _CHECKED_TOGETHER):
        checked += [_checked(raw, terms) for raw in batch.transactions[start : start + _CHECKED_TOGETHER]]
        # Others must not wait for all of it.
        await asyncio.sleep(0)
    results, failed = await _decided(scorer, checked, terms, patience)
    if failed is not None and not any(result["status"] == 200 for result in results):
        raise failed
    return json_answer({"results": results}, headers=AGAIN if failed else None)


# A submission, or the result that says why it is none.
_Checked = Submission | dict[str, Any]
_Failure = LateError | Overloaded | Unfinished | StoreError


async def _decided(
    scorer: Scorer, checked: Sequence[_Checked], terms: Terms, patience: Patience
) -> tuple[list[dict[str, Any]], _Failure | None]:
    """A result for each; and what kept the last of them from being stored, where something did."""
    usable = [posted for posted in checked if isinstance(posted, Submission)]
    advice = NOT_ASKED if scorer.text else OFF
    found = decided_in_turns(scorer.writer, scorer.readers, usable, terms, this_second(), advice)
    results: list[dict[str, Any]] = []
    failed: _Failure | None = None
    why = ""
    for posted in checked:
        if not isinstance(posted, Submission):
            results.append(posted)
            continue
        if failed is None:
            try:
                results.append(_result(await patience.wait_for(anext(found))))
                continue
            except (LateError, Overloaded, Unfinished, StoreError) as error:
                # Each is told what became of it: those before are stored.
                failed, why = error, why_not_now(error)
        results.append(_problem(503, why))
    return results, failed


def _checked(raw: object, terms: Terms) -> _Checked:
    try:
        posted = Submission.model_validate(raw)
        check_currency(posted, terms)
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
    count(found)
    return {"status": 200, "decision": of_decided(found)}


class _Lines(Response):
    """Pieces of an answer as they come. The framework's own would listen for the caller's end, and eat its lines."""

    def __init__(self, pieces: AsyncIterator[bytes]) -> None:
        super().__init__(media_type=NDJSON)
        self._pieces = pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send them."""
        headers = [(name, value) for name, value in self.raw_headers if name != b"content-length"]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        async for piece in self._pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _answered(request: Request) -> AsyncIterator[bytes]:
    """Results of the lines, as many at a time as came and go into one turn to write."""
    scorer: Scorer = request.app.state.scorer
    patience = Patience(request, None)
    async for lines in _grouped(request):
        terms = scorer.terms()
        checked = [_read(line, terms) if isinstance(line, bytes) else line for line in lines]
        try:
            if key := request.scope.get("key"):
                await scorer.callers.spend(key, len(checked))
            results, _ = await _decided(scorer, checked, terms, patience)
        except Refused as error:
            results = [_problem(error.status, error.detail) for _ in checked]
        yield b"".join(to_json(result) + b"\n" for result in results)


def _read(line: bytes, terms: Terms) -> _Checked:
    try:
        return _checked(read(line), terms)
    except HTTPException as error:
        return _problem(error.status_code, str(error.detail).replace("the body", "the line", 1))


async def _grouped(request: Request) -> AsyncIterator[list[bytes | dict[str, Any]]]:
    """Lines that aren't empty, up to MOST_TOGETHER at a time; a problem ends them."""
    rest = b""
    over: dict[str, Any] | None = None
    pieces = request.stream()
    while over is None:
        try:
            piece = await anext(pieces)
            *lines, rest = (rest + piece).split(b"\n")
        except StopAsyncIteration:
            lines, rest, over = [rest], b"", {}
        except HTTPException as error:
            lines, over = [], _problem(error.status_code, str(error.detail))
        short = list(takewhile(lambda line: len(line) <= _LONGEST_LINE, lines))
        found: list[bytes | dict[str, Any]] = [line for line in short if line.strip()]
        if len(short) < len(lines) or len(rest) > _LONGEST_LINE:
            over = _problem(413, f"a line may have {_LONGEST_LINE:,} bytes; from this one on nothing was read")
        if over:
            found.append(over)
        for start in range(0, len(found), MOST_TOGETHER):
            yield found[start : start + MOST_TOGETHER]
