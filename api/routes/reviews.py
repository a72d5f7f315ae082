"""What analysts say of a transaction: a verdict, and a claim while they look."""

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.answers import json_answer
from api.keys import needs
from api.problems import Refused
from api.reading import JsonRoute
from api.routes.transactions import Id
from api.state import Scorer
from fraudstack.decisions.turns import settled
from fraudstack.fields.dates import this_second
from fraudstack.storage import reviews
from fraudstack.storage.connections.online import Connection
from fraudstack.storage.following.history import Replays, Wanted
from fraudstack.texts import kept

router = APIRouter(tags=["reviews"], dependencies=[Depends(needs("review"))], route_class=JsonRoute)

_LONGEST_NOTE = 2000


def _named(reviewer: str) -> str:
    if (found := kept(reviewer, 100)) is None:
        raise ValueError("nothing can be seen of this name")
    return found


def _noted(note: str) -> str | None:
    return kept(note, _LONGEST_NOTE, lines=True)


_Name = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_named)]
Reviewer = Annotated[
    _Name | None, Field(description="Who reviews; where the key's name is a person's, it is that person.")
]
Note = Annotated[str, Field(max_length=_LONGEST_NOTE), AfterValidator(_noted)] | None
_CLAIM = timedelta(minutes=15)
_RESPONSES: dict[int | str, dict[str, object]] = {
    404: {"description": "No such transaction"},
    409: {"description": "Somebody else looks at it"},
}


class Review(BaseModel):
    """A verdict; unsure decides nothing."""

    model_config = ConfigDict(extra="forbid")

    verdict: Literal["fraud", "legitimate", "unsure"]
    note: Note = None
    reviewer: Reviewer = None


class Reviewed(BaseModel):
    """The review's number, the truth as it is now known, and who reviewed."""

    review_id: int
    is_fraud: int | None
    reviewer: str


class Claim(BaseModel):
    """Who looks."""

    model_config = ConfigDict(extra="forbid")

    reviewer: Reviewer = None


class Claimed(BaseModel):
    """Until when the transaction is kept for whom."""

    until: str
    reviewer: str


@router.post("/transactions/{id}/review", status_code=201, response_model=Reviewed, responses=_RESPONSES)
async def post_review(request: Request, id: Id, body: Review) -> Response:
    """Add a verdict: reviews are never changed, the latest decisive one is the truth (is_fraud).

    While somebody else has claimed the transaction it is a 409.
    """
    scorer: Scorer = request.app.state.scorer
    now, reviewer = this_second(), who(request, body.reviewer)
    client_id = await _client(scorer, id)

    async def added(replays: Replays) -> reviews.Added | Wanted | reviews.Taken | None:
        def work(connection: Connection) -> reviews.Added | Wanted | reviews.Taken | None:
            return reviews.add(connection, id, body.verdict, body.note, reviewer, now, replays)

        return await written(scorer, work, client_id)

    found = await settled(scorer.readers, added)
    if found is None:
        raise _no_such(id)
    if isinstance(found, reviews.Taken):
        raise _taken(id, found)
    return json_answer(found._asdict() | {"reviewer": reviewer}, 201)


@router.post("/transactions/{id}/claim", response_model=Claimed, responses=_RESPONSES)
async def post_claim(request: Request, id: Id, body: Claim) -> Response:
    """Keep a transaction for a reviewer for 15 minutes, so that nobody else takes it; again to keep it longer."""
    scorer: Scorer = request.app.state.scorer
    now, reviewer = this_second(), who(request, body.reviewer)
    until = now + _CLAIM

    def work(connection: Connection) -> reviews.Taken | None:
        return reviews.claim(connection, id, reviewer, now, until)

    found = await written(scorer, work, await _client(scorer, id))
    if found is None:
        raise _no_such(id)
    if found.reviewer != reviewer:
        raise _taken(id, found)
    return json_answer(found._asdict())


def who(request: Request, said: str | None) -> str:
    """Who reviews: the person whom the key names, else whom the body does; raises Refused (422) where neither does."""
    reviewer: str | None = request.scope.get("person") or said
    if reviewer is None:
        raise Refused(422, "reviewer: say who reviews, or use a key whose name is a person's")
    return reviewer


async def written[T](scorer: Scorer, work: Callable[[Connection], T], client_id: str) -> T:
    """Have the writer do work that touches one client."""
    done: T = await scorer.writer.written(work, (client_id,))
    return done


async def _client(scorer: Scorer, id: int) -> str:
    def look() -> str | None:
        with scorer.readers.reading() as connection:
            return reviews.client_of(connection, id)

    client_id = await run_in_threadpool(look)
    if client_id is None:
        raise _no_such(id)
    return client_id


def _taken(id: int, found: reviews.Taken) -> Refused:
    return Refused(409, f"{found.reviewer} looks at transaction {id} until {found.until} UTC")


def _no_such(id: int) -> Refused:
    return Refused(404, f"there is no transaction {id}")
