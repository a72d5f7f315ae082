"""The floor of the API's benchmark: the same request model, and one INSERT; nothing is decided."""

import os
import sqlite3
import threading
from datetime import UTC, datetime

import psycopg
from fastapi import FastAPI
from starlette.responses import Response

from fraudstack.decisions.submission import Submission

_COLUMNS = (
    "date, client_id, card_id, amount, currency, use_chip, merchant_id, merchant_city, merchant_state, zip, mcc, "
    "description, errors"
)
_INSERT = f"INSERT INTO transactions ({_COLUMNS}) VALUES ({', '.join('?' * 13)})"
_URL = os.environ["FLOOR_URL"]
_local = threading.local()

app = FastAPI()


def _connection() -> "sqlite3.Connection | psycopg.Connection[tuple[object, ...]]":
    if not hasattr(_local, "connection"):
        if _URL.startswith("postgresql"):
            _local.connection = psycopg.connect(_URL, autocommit=True, prepare_threshold=1)
        else:
            _local.connection = sqlite3.connect(_URL, timeout=10, isolation_level=None)
            _local.connection.execute("PRAGMA synchronous=FULL")
    return _local.connection  # type: ignore[no-any-return]


@app.post("/transaction")
async def post_transaction(posted: Submission) -> Response:
    """Store it. Not in a thread: the hop would take longer than the insert."""
    date = (posted.date or datetime.now(UTC)).strftime("%Y-%m-%d %H:%M:%S")
    row = (
        date,
        posted.client_id,
        posted.card_id,
        float(posted.amount),
        posted.currency or "USD",
        posted.use_chip,
        posted.merchant_id,
        posted.merchant_city,
        posted.merchant_state,
        posted.zip,
        posted.mcc,
        posted.description,
        posted.errors,
    )
    statement = _INSERT.replace("?", "%s") if _URL.startswith("postgresql") else _INSERT
    _connection().execute(statement, row)
    return Response('{"stored":true}', media_type="application/json")


def make_table() -> None:
    """The table of the store with its indexes."""
    kind = "BIGSERIAL" if _URL.startswith("postgresql") else "INTEGER"
    statements = [
        "DROP TABLE IF EXISTS transactions",
        f"""CREATE TABLE transactions (id {kind} PRIMARY KEY, date TEXT NOT NULL, client_id TEXT NOT NULL,
        card_id TEXT, amount REAL NOT NULL, currency TEXT NOT NULL, use_chip TEXT, merchant_id TEXT,
        merchant_city TEXT, merchant_state TEXT, zip TEXT, mcc INTEGER, description TEXT, errors TEXT,
        flagged_fraud INTEGER, is_fraud INTEGER)""",
        "CREATE INDEX by_date ON transactions (date)",
        "CREATE INDEX by_client ON transactions (client_id, date)",
    ]
    connection = _connection()
    if not _URL.startswith("postgresql"):
        connection.execute("PRAGMA journal_mode=WAL")
    for statement in statements:
        connection.execute(statement)


if __name__ == "__main__":
    make_table()
