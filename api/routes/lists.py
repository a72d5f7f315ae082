"""Who is allowed, blocked or held until a date, beside the lists of the rules file."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field
from starlette.responses import Response

from api.answers import json_answer
from api.keys import needs
from api.problems import Refused
from api.reading import JsonRoute
from api.routes.clients import Name, within_a_year
from api.routes.reviews import Reviewer, who
from api.state import Scorer
from fraudstack import card_numbers
from fraudstack.fields.dates import this_second
from fraudstack.profiles.named import Entry, Kind, normal
from fraudstack.storage import lists
from fraudstack.storage.connections.online import Connection
from fraudstack.texts import kept

router = APIRouter(tags=["lists"], dependencies=[Depends(needs("review"))], route_class=JsonRoute)

List = Literal["allow", "block", "held"]
_MOST = 10_000


def _told(reason: str) -> str:
    if (found := kept(reason, 200)) is None:
        raise ValueError("nothing can be seen of this reason")
    return found


class Listing(BaseModel):
    """Why a value is on a list, who answers for it, and until when."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_told)]
    until: Annotated[AwareDatetime, Field(description="With a zone; at most a year ahead.")]
    owner: Reviewer = None


class ListedOut(BaseModel):
    """A value on a list."""

    list: List
    kind: Kind
    value: str
    reason: str
    owner: str
    until: str
    at: str


class ListsOut(BaseModel):
    """All that is on a list and hasn't ended."""

    entries: list[ListedOut]


@router.get("/lists", response_model=ListsOut)
def get_lists(request: Request) -> Response:
    """What is on the store's lists and hasn't ended, at most 10,000."""
    scorer: Scorer = request.app.state.scorer
    with scorer.readers.reading() as connection:
        return json_answer({"entries": lists.every(connection, this_second(), _MOST)})


@router.put("/lists/{list}/{kind}/{value}", status_code=204)
async def put_listed(request: Request, list: List, kind: Kind, value: Name, body: Listing) -> Response:
    """Put a value on a list: allow makes its transactions normal, block blocks them, held makes them suspicious."""
    scorer: Scorer = request.app.state.scorer
    now, owner = this_second(), who(request, body.owner)
    until = within_a_year(body.until, now, "an entry")
    if card_numbers.in_id(value):
        raise Refused(422, "value: this is a card number, and cards are known by a token or an id")
    entry = Entry(list, kind, normal(kind, value), body.reason)

    def work(connection: Connection) -> None:
        lists.put(connection, entry, owner, until, now)

    await scorer.writer.written(work)
    return Response(status_code=204)


@router.delete("/lists/{list}/{kind}/{value}", status_code=204, responses={404: {"description": "It isn't listed"}})
async def delete_listed(request: Request, list: List, kind: Kind, value: Name) -> Response:
    """Take a value off a list."""
    scorer: Scorer = request.app.state.scorer
    now = this_second()

    def work(connection: Connection) -> bool:
        return lists.withdraw(connection, list, kind, normal(kind, value), now)

    if not await scorer.writer.written(work):
        raise Refused(404, f"{kind} {value} isn't on the {list} list")
    return Response(status_code=204)
