"""What runs leave behind: a row a step, which counts and doesn't name what was changed."""

from datetime import UTC, datetime

from fraudstack.schema import DATE_FORMAT
from fraudstack.storage.connections.online import Connection
from fraudstack.storage.profiles import seconds_at

FORGET = "DELETE FROM ingest_runs WHERE run_id = ? AND step = ?"
_NOTE = "INSERT INTO ingest_runs (run_id, step, started_at, seconds, rows_in, loaded) VALUES (?, ?, ?, ?, ?, ?)"
_LAST = "SELECT max(started_at) FROM ingest_runs WHERE step = 'clean' AND seconds IS NOT NULL AND error IS NULL"


def note(connection: Connection, run_id: str, step: str, started: datetime, asked: int, done: int) -> None:
    """Leave the row of something that people ask for themselves, which was done to so many of so many rows."""
    seconds = (datetime.now(UTC) - started).total_seconds()
    with connection.write():
        connection.execute(FORGET, (run_id, step))
        connection.execute(_NOTE, (run_id, step, started.strftime(DATE_FORMAT), seconds, asked, done))


def last_ingest(connection: Connection) -> int:
    """When the latest ingest began that read its file to the end, in seconds since 1970 (UTC); 0 before the first."""
    [(started,)] = connection.rows(_LAST)
    return 0 if started is None else seconds_at(started)
