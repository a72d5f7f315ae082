"""The stores as pages read them: a pool of connections that can't write."""

import queue
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from fraudstack.errors import StoreError
from fraudstack.settings import Settings
from fraudstack.storage.online import Connection
from fraudstack.storage.store import Store, parse


@st.cache_resource
def settings() -> Settings:
    """The environment's settings, read once."""
    return Settings()


@contextmanager
def transactions() -> Iterator[Connection]:
    """A connection to the store of transactions, with one view of it; raises StoreError when it can't be read."""
    with _reading(parse(settings().store_url)) as connection:
        yield connection


@contextmanager
def clusters() -> Iterator[Connection]:
    """The same to the store of clusters."""
    with _reading(parse(settings().clusters_url)) as connection:
        yield connection


@st.cache_resource
def _pool(url: str) -> "queue.SimpleQueue[Connection]":
    return queue.SimpleQueue()


@contextmanager
def _reading(store: Store) -> Iterator[Connection]:
    pool = _pool(store.url)
    try:
        connection = pool.get_nowait()
    except queue.Empty:
        connection = Connection(store, read_only=True)
    try:
        with connection.read():
            yield connection
    except StoreError:
        # A file that was replaced, a server that went away: the next reader opens it anew.
        connection.close()
        raise
    except BaseException:
        pool.put(connection)
        raise
    pool.put(connection)
