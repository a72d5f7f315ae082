"""POST /reset: an empty store, for development alone."""

from fastapi import APIRouter, Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.keys import needs
from api.reading import JsonRoute
from api.state import Scorer
from fraudstack.storage.connections.store import parse
from fraudstack.storage.upgrade import reset

router = APIRouter(tags=["development"], route_class=JsonRoute)


@router.post("/reset", status_code=204, dependencies=[Depends(needs("admin"))])
async def post_reset(request: Request) -> Response:
    """Drop all tables with everything in them and create them anew; exists only with TX_ENV=development."""
    scorer: Scorer = request.app.state.scorer
    await run_in_threadpool(reset, scorer.store, "transactions")
    await run_in_threadpool(reset, parse(scorer.settings.clusters_url), "clusters")
    return Response(status_code=204)
