"""Errors as problems of RFC 9457: a title, a status, a sentence, and the fields that are to blame."""

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.waiting import LateError
from fraudstack.decisions.work import Overloaded, Unfinished
from fraudstack.errors import OutcomeUnknownError, StoreError
from fraudstack.texts import shown

log = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"
_TITLES = {
    400: "The request can't be read",
    401: "No valid key",
    403: "The key may not do this",
    404: "Not found",
    405: "Method not allowed",
    408: "The request took too long",
    409: "Conflict",
    413: "The request is too large",
    415: "Only JSON is read",
    422: "A field can't be used",
    429: "Too many requests",
    500: "An error of the scorer",
    503: "Not now",
}


# Sentences of a 503, after which the same can be sent again.
AGAIN = {"Retry-After": "1"}
FULL = "too many decisions wait; this wasn't written, send it again"
FAILED = "the store can't be used just now; this wasn't written, send it again"
LATE = "there was no time within X-Wait-Ms; whether this gets written isn't known, send it again with the same id"
UNKNOWN = "the store doesn't answer; whether this gets written isn't known, send it again with the same id"


def why_not_now(error: LateError | Overloaded | Unfinished | StoreError) -> str:
    """The sentence of a 503 for work that the writer didn't do."""
    if isinstance(error, Overloaded):
        return FULL
    if isinstance(error, LateError):
        return LATE
    if isinstance(error, StoreError):
        log.error("the store failed", extra={"said": {"error": str(error)}})
    return UNKNOWN if isinstance(error, (Unfinished, OutcomeUnknownError)) else FAILED


class FieldProblem(BaseModel):
    """A field and what is wrong with it."""

    field: str
    message: str


class Problem(BaseModel):
    """An error (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[FieldProblem] | None = None


class Refused(Exception):  # noqa: N818 - an answer, made from where the reason is known
    """Ends a request with a problem."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        """A status, a sentence for a person, and headers."""
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, headers


def told(status: int, detail: str, errors: Sequence[tuple[str, str]] | None = None) -> dict[str, Any]:
    """A problem as Problem has it; errors are fields and messages."""
    said: dict[str, Any] = {
        "type": "about:blank",
        "title": _TITLES.get(status, "Error"),
        "status": status,
        "detail": detail,
    }
    if errors is not None:
        said["errors"] = [{"field": field, "message": message} for field, message in errors]
    return said


def problem(
    status: int,
    detail: str,
    headers: Mapping[str, str] | None = None,
    errors: Sequence[tuple[str, str]] | None = None,
) -> Response:
    """A problem as an answer."""
    return Response(json.dumps(told(status, detail, errors), ensure_ascii=False), status, headers, MEDIA_TYPE)


def field_problems(errors: Sequence[Any], skip: int = 1) -> list[tuple[str, str]]:
    """Fields and messages of pydantic's errors; what was posted is never repeated."""
    return [(_field(error["loc"][skip:]), error["msg"].removeprefix("Value error, ")) for error in errors]


def _field(place: Sequence[Any]) -> str:
    # An unknown field's name is the caller's.
    return ".".join(shown(str(part)) for part in place) or "body"


def register(app: FastAPI) -> None:
    """Make every error of the app a problem."""

    @app.exception_handler(RequestValidationError)
    async def _unusable(_: Request, error: RequestValidationError) -> Response:
        errors = error.errors()
        if any(each["type"] == "json_invalid" for each in errors):
            return problem(400, "the body isn't JSON")
        found = field_problems(errors)
        field, message = found[0]
        return problem(422, f"{field}: {message}", errors=found)

    @app.exception_handler(Refused)
    async def _refused(_: Request, error: Refused) -> Response:
        return problem(error.status, error.detail, error.headers)

    @app.exception_handler(HTTPException)
    async def _http(_: Request, error: HTTPException) -> Response:
        return problem(error.status_code, str(error.detail), error.headers)

    async def not_now(_: Request, error: Exception) -> Response:
        assert isinstance(error, (LateError, Overloaded, Unfinished, StoreError))  # noqa: S101 - registered for them alone
        return problem(503, why_not_now(error), AGAIN)

    for kind in (LateError, Overloaded, Unfinished, StoreError):
        app.add_exception_handler(kind, not_now)

    @app.exception_handler(RecursionError)
    async def _deep(_: Request, error: RecursionError) -> Response:
        return problem(400, "the body is nested too deeply")
