"""The registry of models: their files, which was put in force when, by whom and why, and which is asked beside it.

To both logs is only added.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from pydantic_core import from_json, to_json

from fraudstack.schema import DATE_FORMAT
from fraudstack.storage.connections.online import Connection, date_text

# Whoever adds to the log holds this name, as a decision holds its client: on a file there is one writer anyway.
TURN = ("registry of models",)
_PUT = "INSERT INTO model_files (version, name, content) VALUES (?, ?, ?)"
_FORGET = "DELETE FROM model_files WHERE version = ?"
_FILES = "SELECT name, content FROM model_files WHERE version = ? ORDER BY name"
_PROMOTE = "INSERT INTO promotions (version, before, who, why, at, vetoed) VALUES (?, ?, ?, ?, ?, ?)"
_PROMOTIONS = "SELECT number, version, before, who, why, at, vetoed FROM promotions ORDER BY number DESC"
_LATEST = f"{_PROMOTIONS} LIMIT 1"
_SHADOW = "INSERT INTO shadows (version, until, who, reason, at) VALUES (?, ?, ?, ?, ?)"
_SHADOWS = "SELECT number, version, until, who, reason, at FROM shadows ORDER BY number DESC"
_LAST_SHADOW = f"{_SHADOWS} LIMIT 1"


class Promotion(NamedTuple):
    """A model came into force in the place of another."""

    number: int
    version: str
    before: str | None
    who: str
    why: Mapping[str, Any]
    # UTC, YYYY-MM-DD HH:MM:SS.
    at: str
    # The version that was gone back from.
    vetoed: str | None


class Shadow(NamedTuple):
    """A challenger is to be asked beside the champion, or no more; times are UTC, YYYY-MM-DD HH:MM:SS."""

    number: int
    version: str
    until: str
    who: str
    reason: str
    at: str


def replace(connection: Connection, version: str, files: Mapping[str, bytes]) -> None:
    """Keep the files of a model by their names, in the place of those that are kept, in the transaction under way."""
    connection.execute(_FORGET, (version,))
    connection.many(_PUT, [(version, name, content) for name, content in sorted(files.items())])


def files(connection: Connection, version: str) -> dict[str, bytes]:
    """The files of a model by their names; of one that isn't kept none."""
    return {name: bytes(content) for name, content in connection.rows(_FILES, (version,))}


def promote(
    connection: Connection, version: str, who: str, why: Mapping[str, Any], at: datetime, vetoed: str | None = None
) -> None:
    """Put a model in force, in the transaction under way, which holds TURN; `vetoed` is gone back from.

    Neither is a challenger any more.
    """
    before = latest(connection)
    said = to_json(dict(why), inf_nan_mode="null").decode()
    row = (version, before and before.version, who, said, at.strftime(DATE_FORMAT), vetoed)
    connection.execute(_PROMOTE, row)
    asked = shadow(connection, at)
    if asked is not None and asked.version in (version, vetoed):
        ended = "it came into force" if asked.version == version else "it was rolled back from"
        cast_shadow(connection, asked.version, at, who, ended, at)


def promotions(connection: Connection) -> list[Promotion]:
    """All promotions, the last one first."""
    return [_promotion(row) for row in connection.rows(_PROMOTIONS)]


def latest(connection: Connection) -> Promotion | None:
    """How the champion came into force; None where none ever did."""
    return next(map(_promotion, connection.rows(_LATEST)), None)


def vetoes(log: list[Promotion]) -> dict[str, Promotion]:
    """The versions that somebody went back from, and that weren't put in force since; `log` as of `promotions`."""
    found: dict[str, Promotion] = {}
    for one in reversed(log):
        found.pop(one.version, None)
        if one.vetoed is not None:
            found[one.vetoed] = one
    return found


def before(log: list[Promotion]) -> str | None:
    """The champion before the one that is in force, of those that nobody went back from; `log` as of `promotions`."""
    stood: list[str] = []
    for one in reversed(log):
        if one.vetoed is not None and one.version in stood:
            while stood[-1] != one.version:
                stood.pop()
        elif stood[-1:] != [one.version]:
            stood.append(one.version)
    vetoed = vetoes(log)
    return next((version for version in reversed(stood[:-1]) if version not in vetoed), None)


def cast_shadow(connection: Connection, version: str, until: datetime, who: str, reason: str, at: datetime) -> None:
    """Let a challenger be asked beside the champion until a time, and no other, in the transaction under way."""
    connection.execute(_SHADOW, (version, until.strftime(DATE_FORMAT), who, reason, at.strftime(DATE_FORMAT)))


def shadows(connection: Connection) -> list[Shadow]:
    """All that was said of challengers, the last first."""
    return [_shadow(row) for row in connection.rows(_SHADOWS)]


def shadow(connection: Connection, now: datetime) -> Shadow | None:
    """The challenger that is asked now; None where none is."""
    last = next(map(_shadow, connection.rows(_LAST_SHADOW)), None)
    return last if last is not None and now.strftime(DATE_FORMAT) < last.until else None


def _promotion(row: tuple[Any, ...]) -> Promotion:
    number, version, before, who, why, at, vetoed = row
    return Promotion(number, version, before, who, from_json(why), date_text(at), vetoed)


def _shadow(row: tuple[Any, ...]) -> Shadow:
    number, version, until, who, reason, at = row
    return Shadow(number, version, date_text(until), who, reason, date_text(at))
