"""A scorer on each kind of database."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.api.scorer import running


@pytest.fixture
def client(tmp_path: Path, database: str) -> Iterator[TestClient]:
    """A scorer in development, without keys."""
    with running(tmp_path, database) as client:
        yield client
