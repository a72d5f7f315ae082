"""Pages as tests draw them: on a store that the environment names, with nothing remembered of another."""

from pathlib import Path

import pytest
import streamlit as st

from tests.jobs.databases import settings


@pytest.fixture(autouse=True)
def _forgetful() -> None:
    st.cache_data.clear()
    st.cache_resource.clear()


@pytest.fixture
def named(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of an empty store, which the pages read."""
    chosen = settings(tmp_path, database)
    monkeypatch.setenv("TX_SQLITE_DB", str(chosen.sqlite_db))
    monkeypatch.setenv("TX_CLUSTERS_DB", str(chosen.clusters_db))
    if chosen.database_url:
        monkeypatch.setenv("TX_DATABASE_URL", chosen.database_url)
    return database
