"""What is known of a client, and what an analyst allows it."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field
from starlette.responses import Response

from api.answers import json_answer
from api.keys import needs
from api.problems import Refused
from api.reading import JsonRoute, name
from api.routes.reviews import Note, Reviewer, who, written
from api.state import Scorer
from fraudstack.fields.dates import this_second
from fraudstack.profiles.event import KINDS, date_of
from fraudstack.profiles.profile import WEEK, Profile
from fraudstack.storage import profiles, reviews
from fraudstack.storage.connections.online import Connection
from fraudstack.texts import identifier

router = APIRouter(tags=["clients"], route_class=JsonRoute)

Name = Annotated[str, Path(min_length=1, max_length=100), AfterValidator(lambda segment: identifier(name(segment)))]
_WINDOWS = {"10 minutes": 600, "1 hour": 3600, "24 hours": 24 * 3600, "7 days": WEEK}
_LONGEST = timedelta(days=366)
_MOST_OF_A_KIND = 20
_MOST_EXCEPTIONS = 10_000
_END = datetime(9999, 1, 1, tzinfo=UTC)


class WindowOut(BaseModel):
    """What the client did in some time up to its latest transaction."""

    transactions: int
    declined: int
    spent: float


class HabitOut(BaseModel):
    """A value, how often it was usual, and where purchases are counted apart their number and usual amount."""

    value: str
    count: int
    purchases: int | None
    usual_amount: float | None


class ExceptionOut(BaseModel):
    """A merchant that is fine for the client until a date."""

    merchant_id: str
    until: str
    reviewer: str
    note: str | None
    at: str


class ExceptionOfClient(ExceptionOut):
    """An exception, and whose it is."""

    client_id: str


class ExceptionsOut(BaseModel):
    """Exceptions of all clients."""

    exceptions: list[ExceptionOfClient]


class ProfileOut(BaseModel):
    """A client's profile; habits by falling count, at most 20 of a kind."""

    client_id: str
    transactions: int
    declined: int
    refunds: int
    usual: int
    purchases: int
    spent: float
    usual_amount: float | None
    last: str | None
    windows: dict[str, WindowOut]
    habits: dict[str, list[HabitOut]]
    exceptions: list[ExceptionOut]


class Exception_(BaseModel):  # noqa: N801 - Exception is Python's
    """Until when a merchant is fine for a client."""

    model_config = ConfigDict(extra="forbid", title="Exception")

    until: Annotated[AwareDatetime, Field(description="With a zone; at most a year ahead.")]
    reviewer: Reviewer = None
    note: Note = None


@router.get(
    "/clients/{id}/profile",
    response_model=ProfileOut,
    responses={404: {"description": "No such client"}},
    dependencies=[Depends(needs("review"))],
)
def get_profile(request: Request, id: Name) -> Response:
    """What is usual for a client."""
    scorer: Scorer = request.app.state.scorer
    with scorer.readers.reading() as connection:
        profile = profiles.read_whole(connection, id)
        if not profile.transactions:
            raise Refused(404, f"there is no profile of client {id}")
        if latest := profiles.latest(connection, id, 1):
            profile.recent = profiles.about(connection, id, latest[0][0])
        return json_answer(_shown(profile) | {"exceptions": reviews.allowed(connection, id)})


@router.put(
    "/clients/{id}/exceptions/{merchant_id}",
    status_code=204,
    dependencies=[Depends(needs("review"))],
)
async def put_exception(request: Request, id: Name, merchant_id: Name, body: Exception_) -> Response:
    """Find a merchant to be fine for a client: until the date, rules of habit keep silent there.

    Block lists and rules of haste (bursts, unknown cards, declines followed by success) still hold.
    """
    scorer: Scorer = request.app.state.scorer
    now, reviewer = this_second(), who(request, body.reviewer)
    until = within_a_year(body.until, now, "an exception")

    def work(connection: Connection) -> None:
        reviews.allow(connection, id, merchant_id, until, reviewer, body.note, now)

    await written(scorer, work, id)
    return Response(status_code=204)


@router.delete(
    "/clients/{id}/exceptions/{merchant_id}",
    status_code=204,
    responses={404: {"description": "No such exception"}},
    dependencies=[Depends(needs("review"))],
)
async def delete_exception(request: Request, id: Name, merchant_id: Name) -> Response:
    """Withdraw an exception."""
    scorer: Scorer = request.app.state.scorer

    def work(connection: Connection) -> bool:
        return reviews.withdraw(connection, id, merchant_id)

    if not await written(scorer, work, id):
        raise Refused(404, f"merchant {merchant_id} is no exception for client {id}")
    return Response(status_code=204)


@router.get("/exceptions", response_model=ExceptionsOut, dependencies=[Depends(needs("review"))])
def get_exceptions(request: Request) -> Response:
    """All exceptions that haven't ended, at most 10,000."""
    scorer: Scorer = request.app.state.scorer
    with scorer.readers.reading() as connection:
        return json_answer({"exceptions": reviews.exceptions(connection, this_second(), _MOST_EXCEPTIONS)})


def within_a_year(until: datetime, now: datetime, what: str) -> datetime:
    """An end with a zone, in UTC; raises Refused (422) where it is more than a year ahead."""
    # A year with a zone may lie a day beyond the calendar.
    found = min(until, _END).astimezone(UTC).replace(tzinfo=None)
    if found > now + _LONGEST:
        raise Refused(422, f"until: {what} lasts a year at most")
    return found


def _shown(profile: Profile) -> dict[str, Any]:
    last = profile.last or 0
    habits: dict[str, list[dict[str, Any]]] = {kind: [] for kind in KINDS}
    for (kind, value), habit in sorted(profile.habits.items(), key=lambda found: (-found[1].count, found[0])):
        # What came and never was usual is no habit.
        if habit.count and len(habits[kind]) < _MOST_OF_A_KIND:
            counted = kind == "mcc"
            habits[kind].append(
                {
                    "value": value,
                    "count": habit.count,
                    "purchases": habit.amounts.purchases if counted else None,
                    "usual_amount": round(habit.amounts.usual, 2) if counted else None,
                }
            )
    windows = {name: profile.window(last, length) for name, length in _WINDOWS.items()}
    return {
        "client_id": profile.client_id,
        "transactions": profile.transactions,
        "declined": profile.declined,
        "refunds": profile.refunds,
        "usual": profile.usual,
        "purchases": profile.amounts.purchases,
        "spent": profile.amounts.cents / 100,
        "usual_amount": round(profile.amounts.usual, 2) if profile.amounts.purchases else None,
        "last": str(date_of(last)) if profile.recent else None,
        "windows": {
            name: {"transactions": found.transactions, "declined": found.declined, "spent": found.cents / 100}
            for name, found in windows.items()
        },
        "habits": habits,
    }
