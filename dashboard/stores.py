"""The stores as pages read them: a pool of connections that can't write."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from fraudstack.settings import Settings
from fraudstack.storage.connections.online import Connection, Readers
from fraudstack.storage.connections.store import parse


@st.cache_resource
def settings() -> Settings:
    """The environment's settings, read once."""
    return Settings()


@contextmanager
def transactions() -> Iterator[Connection]:
    """A connection to the store of transactions, with one view of it; raises StoreError when it can't be read."""
    with _readers(settings().store_url).reading() as connection:
        yield connection


@contextmanager
def clusters() -> Iterator[Connection]:
    """The same to the store of clusters."""
    with _readers(settings().clusters_url).reading() as connection:
        yield connection


@st.cache_resource(on_release=Readers.close)
def _readers(url: str) -> Readers:
    return Readers(parse(url))
