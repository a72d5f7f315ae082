"""How the cardholder answered a challenge, told by whoever asked."""

from typing import Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from api.answers import json_answer
from api.keys import needs
from api.problems import Refused
from api.reading import JsonRoute
from api.routes.transactions import ChallengeOut, Id
from api.state import Scorer
from fraudstack.fields.dates import this_second
from fraudstack.storage import challenges
from fraudstack.storage.challenges import Challenge, NotChallenged
from fraudstack.storage.connections.online import Connection

router = APIRouter(tags=["scoring"], route_class=JsonRoute)


class Answer(BaseModel):
    """The cardholder proved to be the one, failed to, or gave up."""

    model_config = ConfigDict(extra="forbid")

    outcome: Literal["passed", "failed", "abandoned"]


@router.post(
    "/transactions/{id}/challenge",
    response_model=ChallengeOut,
    responses={
        404: {"description": "No such transaction"},
        409: {"description": "It wasn't challenged, or had another outcome"},
    },
    dependencies=[Depends(needs("score"))],
)
async def post_challenge(request: Request, id: Id, body: Answer) -> Response:
    """Keep the outcome of a challenge; it is no label, and one that was passed spares the card another there."""
    scorer: Scorer = request.app.state.scorer
    now = this_second()

    def work(connection: Connection) -> Challenge | NotChallenged | None:
        return challenges.keep(connection, id, body.outcome, now)

    found = await scorer.writer.written(work)
    if found is None:
        raise Refused(404, f"there is no transaction {id}")
    if isinstance(found, NotChallenged):
        raise Refused(409, f"transaction {id} wasn't challenged: what was decided of it is {found.decision}")
    if found.outcome != body.outcome:
        raise Refused(409, f"the challenge of transaction {id} was {found.outcome} already")
    return json_answer(found._asdict())
