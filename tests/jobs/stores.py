"""The whole content of the two SQLite files of a run, for comparison."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

# What a run leaves of itself: when it ran, and how long.
_OF_THE_RUN = frozenset({"ingest_runs", "quarantine"})


def everything(folder: Path) -> dict[str, list[Any]]:
    """Tables by name with their rows in order, and the names of the indexes."""
    found: dict[str, list[Any]] = {}
    for name in ("transactions.db", "transactions_clusters.db"):
        with closing(sqlite3.connect(f"file:{folder / name}?mode=ro", uri=True)) as connection:
            listed = connection.execute("SELECT type, name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'")
            objects = sorted(listed.fetchall())
            found[name] = objects
            for kind, table in objects:
                if kind == "table" and table not in _OF_THE_RUN:
                    found[table] = connection.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()
    return found
