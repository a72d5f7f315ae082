"""The OpenAPI document: every error is a problem, and says so."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.problems import MEDIA_TYPE, Problem

# What any request with a key or a body may meet; what is particular to one stands at its route.
_EVERYWHERE = {
    400: "Not JSON, or nested too deeply",
    401: "No valid key",
    403: "The key has another scope",
    408: "The body didn't come within 20 seconds",
    413: "Larger than 64 KiB, or than 2 MiB for a batch",
    415: "A form, which is not read",
    422: "A field can't be used",
    429: "The key's rate is used up",
    503: "Overloaded, or the store can't be used: send it again, with the same id",
}


def document(app: FastAPI) -> dict[str, Any]:
    """The app's document, made once."""
    if app.openapi_schema is None:
        made = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        schemas = made["components"]["schemas"]
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= problem.pop("$defs") | {"Problem": problem}
        content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
        for operations in made["paths"].values():
            for operation in operations.values():
                own = {int(status): said for status, said in operation["responses"].items()}
                if "security" in operation:
                    own = {status: {"description": said} for status, said in _EVERYWHERE.items()} | {
                        status: said for status, said in own.items() if status != 422
                    }
                for status, said in own.items():
                    if status >= 400:
                        own[status] = {"description": said["description"], "content": content}
                operation["responses"] = {str(status): own[status] for status in sorted(own)}
        app.openapi_schema = made
    return app.openapi_schema
