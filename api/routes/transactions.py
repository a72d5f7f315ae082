"""GET /transactions and GET /transactions/{id}: what was posted and ingested, with what was said of it."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import AfterValidator, BaseModel
from starlette.responses import Response

from api.answers import Listed, Page, json_answer, listed
from api.keys import needs
from api.problems import Refused
from api.state import Scorer
from fraudstack.storage import challenges, reviews, transactions
from fraudstack.storage.transactions import listing
from fraudstack.texts import identifier

router = APIRouter(tags=["transactions"], dependencies=[Depends(needs("review"))])

Id = Annotated[int, Path(ge=0, lt=2**63, description="The transaction's id.")]
Filter = Annotated[Literal["0", "1", "null"] | None, Query(description="0, 1, or null: not said yet.")]
_NOT_FOUND: dict[int | str, dict[str, Any]] = {404: {"description": "No such transaction"}}


def _identifier(asked: str | None) -> str | None:
    return asked and identifier(asked)


class ReviewOut(BaseModel):
    """An analyst's verdict."""

    review_id: int
    verdict: str
    note: str | None
    reviewer: str
    at: str


class ChallengeOut(BaseModel):
    """How the cardholder answered a challenge."""

    outcome: str
    at: str


class Detail(Listed):
    """A transaction with its decision, its challenge, and its reviews, oldest first."""

    challenge: ChallengeOut | None
    reviews: list[ReviewOut]


@router.get("/transactions", response_model=Page)
def get_transactions(
    request: Request,
    client_id: Annotated[str | None, Query(max_length=100), AfterValidator(_identifier)] = None,
    flagged_fraud: Filter = None,
    is_fraud: Filter = None,
    since: Annotated[datetime | None, Query(description="No earlier than this, UTC.")] = None,
    until: Annotated[datetime | None, Query(description="Before this, UTC.")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
    next: Annotated[str | None, Query(max_length=60, description="The cursor that the page before gave.")] = None,
) -> Response:
    """Transactions, latest first, a page at a time; a page costs the same wherever it lies."""
    scorer: Scorer = request.app.state.scorer
    wanted = listing.Wanted(client_id, _number(flagged_fraud), _number(is_fraud), since, until)
    try:
        after = None if next is None else listing.cursor(next)
    except ValueError as error:
        raise Refused(422, "next: this is no cursor of a page") from error
    with scorer.readers.reading() as connection:
        found = listing.page(connection, wanted, limit, after)
    return json_answer(
        {
            "transactions": [listed(one) for one in found],
            "next": listing.cursor_of(found[-1]) if len(found) == limit else None,
        }
    )


def _number(asked: str | None) -> int | str | None:
    return int(asked) if asked in ("0", "1") else asked


@router.get("/transactions/{id}", response_model=Detail, responses=_NOT_FOUND)
def get_transaction(request: Request, id: Id) -> Response:
    """A transaction with its decision and its reviews."""
    scorer: Scorer = request.app.state.scorer
    with scorer.readers.reading() as connection:
        found = transactions.find(connection, id)
        if found is None:
            raise Refused(404, f"there is no transaction {id}")
        challenge = challenges.of(connection, id)
        known = {"challenge": challenge and challenge._asdict(), "reviews": reviews.history(connection, id)}
        return json_answer(listed(found) | known)
