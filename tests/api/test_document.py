"""The OpenAPI document: everything it allows works, what it doesn't is refused as it says."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from api.main import create_app
from fraudstack import keys
from tests.api.scorer import chosen
from tests.api.served import environment, served

pytestmark = pytest.mark.slow
_EXAMPLES = 50
_KEY = "a key with all scopes"
OPERATIONS = [
    (path, method) for path, methods in create_app(chosen(Path())).openapi()["paths"].items() for method in methods
]


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Iterator[schemathesis.BaseSchema]:
    folder = tmp_path_factory.mktemp("document")
    env = environment(
        folder,
        f"sqlite:///{folder}/transactions.db",
        TX_API_WORKERS="1",
        TX_API_KEYS=keys.entry("all", keys.SCOPES, keys.digest(_KEY)),
    )
    with served(folder, env) as (url, _):
        yield schemathesis.openapi.from_url(f"{url}/openapi.json")


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_the_scorer_does_what_its_document_says(document: schemathesis.BaseSchema, path: str, method: str) -> None:
    operation = document[path][method.upper()]

    @settings(max_examples=_EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy())
    def holds(case: "schemathesis.Case[Any]") -> None:
        # Which dates exist, which characters are no text, which id is a conflict: no schema can say it.
        case.call_and_validate(headers={"X-API-Key": _KEY}, excluded_checks=[positive_data_acceptance])

    holds()
