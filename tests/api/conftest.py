"""A scorer on each kind of database."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from starlette.testclient import TestClient

from fraudstack.model.artefact import Model
from fraudstack.settings import Settings
from tests.api.scorer import chosen, running
from tests.jobs.databases import new_postgres
from tests.model.made import kept_model


@pytest.fixture
def client(tmp_path: Path, database: str) -> Iterator[TestClient]:
    """A scorer in development, without keys."""
    with running(tmp_path, database) as client:
        yield client


@pytest.fixture
def made(tmp_path: Path) -> list[tuple[Path, Model]]:
    """Two models, each in a folder that no scorer has."""
    folders = [tmp_path / "trained" / name for name in ("first", "second")]
    folders[0].parent.mkdir()
    return [(folder, kept_model(folder, seed)) for seed, folder in enumerate(folders, 1)]


@pytest.fixture
def driver(tmp_path: Path, database: str) -> Settings:
    """The settings of a job, or of whoever promotes, with a folder of its own."""
    return chosen(tmp_path / "driver", database)


class Shared(NamedTuple):
    """A scorer for many tests: what one leaves behind must not matter to another."""

    client: TestClient
    store: str


@pytest.fixture(params=["sqlite", "postgresql"])
def shared(request: pytest.FixtureRequest) -> Shared:
    """A scorer in development, without keys, that tests share which it mostly refuses."""
    found: Shared = request.getfixturevalue(f"shared_{request.param}")
    return found


@pytest.fixture(scope="session")
def shared_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    """On SQLite."""
    folder = tmp_path_factory.mktemp("shared")
    with running(folder) as client:
        yield Shared(client, f"sqlite:///{folder}/transactions.db")


@pytest.fixture(scope="session")
def shared_postgresql(tmp_path_factory: pytest.TempPathFactory, postgres_server: str) -> Iterator[Shared]:
    """On PostgreSQL."""
    store = new_postgres(postgres_server)
    with running(tmp_path_factory.mktemp("shared"), store) as client:
        yield Shared(client, store)
