"""Pages as tests draw them: on a store that the environment names, with nothing remembered of another."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st

from tests.jobs.databases import settings


@pytest.fixture(autouse=True)
def _forgetful() -> Iterator[None]:
    st.cache_data.clear()
    st.cache_resource.clear()
    # A page that is drawn becomes the main module, from which processes of later tests would be spawned.
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main


@pytest.fixture
def named(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of an empty store, which the pages read."""
    chosen = settings(tmp_path, database)
    monkeypatch.setenv("TX_SQLITE_DB", str(chosen.sqlite_db))
    monkeypatch.setenv("TX_CLUSTERS_DB", str(chosen.clusters_db))
    if chosen.database_url:
        monkeypatch.setenv("TX_DATABASE_URL", chosen.database_url)
    return database
