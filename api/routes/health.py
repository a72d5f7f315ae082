"""What Kubernetes and Prometheus ask."""

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api import metrics
from api.answers import json_answer
from api.problems import AGAIN, Refused
from api.state import Scorer
from fraudstack.storage import transactions

router = APIRouter(tags=["health"])


class Alive(BaseModel):
    """The process answers."""

    status: str


class Ready(Alive):
    """The store can be read and written; the problems say why newer rules or another champion aren't in force.

    model_version is null where rules alone decide, challenger_version where none is asked beside.
    """

    rules_version: str
    rules_problem: str | None
    model_version: str | None
    model_problem: str | None
    challenger_version: str | None


@router.get("/healthz", response_model=Alive)
async def get_healthz() -> Response:
    """Alive: the process answers."""
    return json_answer({"status": "ok"})


@router.get("/readyz", response_model=Ready, responses={503: {"description": "The store can't be read or written"}})
async def get_readyz(request: Request) -> Response:
    """Ready: the store can be read, and written as far as the last attempt showed."""
    scorer: Scorer = request.app.state.scorer
    if scorer.writer.problem is not None:
        raise Refused(503, scorer.writer.problem, AGAIN)

    def look() -> None:
        with scorer.readers.reading() as connection:
            transactions.look(connection)

    await run_in_threadpool(look)
    rules, model = scorer.rules, scorer.model
    challenger = scorer.challenger.now(model.model)
    return json_answer(
        {
            "status": "ok",
            "rules_version": rules.now().version,
            "rules_problem": rules.problem,
            "model_version": model.model.version if model.model else None,
            "model_problem": model.problem,
            "challenger_version": challenger.version if challenger else None,
        }
    )


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def get_metrics() -> Response:
    """Counters and times of all workers, in Prometheus's text format."""
    return Response(await run_in_threadpool(metrics.text), media_type="text/plain; version=0.0.4")
