"""The scorer's app; `make api` serves it on port 8081."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI

from api import problems, state
from api.document import document
from api.door import Door
from api.reading import Paths
from api.routes import batches, challenges, clients, development, health, lists, reviews, scoring, transactions
from fraudstack.settings import Settings

_DESCRIPTION = """Decides card transactions in milliseconds and says why.

Send `X-API-Key` where keys are set. Errors are problems (RFC 9457). After a 503 send the same request
again, with the same id, after `Retry-After` seconds; it says whether nothing was written or that isn't known. An id
that was decided gives the stored decision."""


def create_app(settings: Settings | None = None) -> FastAPI:
    """The app with its own settings, or those of the environment."""
    chosen = settings or Settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.scorer = await state.start(chosen)
        try:
            yield
        finally:
            await app.state.scorer.close()

    app = FastAPI(title="fraudstack", version="0.1.0", description=_DESCRIPTION, lifespan=lifespan)
    app.add_middleware(Paths)
    app.add_middleware(Door)
    problems.register(app)
    app.openapi = partial(document, app)  # type: ignore[method-assign]
    for noun in (scoring, challenges, batches, transactions, reviews, clients, lists, health):
        app.include_router(noun.router)
    if chosen.env == "development":
        app.include_router(development.router)
    return app


app = create_app()
