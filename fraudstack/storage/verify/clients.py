"""Profiles, habits and memories, rebuilt of each client's transactions."""

from collections.abc import Iterator
from typing import Any

from pydantic_core import to_json

from fraudstack.features.client import remembered
from fraudstack.profiles.profile import Profile
from fraudstack.storage import profiles
from fraudstack.storage.connections.online import Connection
from fraudstack.storage.verify.difference import Difference, between

_CLIENTS = """SELECT client_id FROM profiles UNION SELECT client_id FROM profile_habits
    UNION SELECT DISTINCT client_id FROM transactions ORDER BY 1"""


def clients(connection: Connection) -> list[str]:
    """Every client of whom the store knows something."""
    return [client_id for (client_id,) in connection.rows(_CLIENTS)]


def differences(connection: Connection, client_id: str, *, memories: bool) -> Iterator[Difference]:
    """How what is kept of a client differs from what its transactions make, in the transaction under way.

    `memories`: what a model has to know is kept right, too; else it isn't looked at.
    """
    stored = profiles.read_whole(connection, client_id)
    rebuilt = _rebuilt(connection, stored, memories=memories)
    yield from between("profiles", _sums(stored), _sums(rebuilt))
    habits = ({tuple(row[:3]): row[3:] for row in profiles.habit_rows(one)} for one in (stored, rebuilt))
    yield from between("profile_habits", *habits)


def repair(connection: Connection, client_id: str, *, memories: bool) -> None:
    """Put what a client's transactions make in the place of what is kept, in the transaction under way."""
    stored = profiles.read_whole(connection, client_id)
    rebuilt = _rebuilt(connection, stored, memories=memories)
    rebuilt.version = stored.version + 1
    if rebuilt.transactions:
        profiles.write_whole(connection, rebuilt)
    else:
        profiles.write(connection, rebuilt, {})


def _rebuilt(connection: Connection, stored: Profile, *, memories: bool) -> Profile:
    history = list(map(profiles.event_of, profiles.history(connection, stored.client_id)))
    profile = profiles.made_of(stored.client_id, history)
    profile.memory = remembered(history) if memories else stored.memory
    return profile


def _sums(profile: Profile) -> dict[tuple[str, str], Any]:
    """The columns of a profile by the client and their names, but for its version; of no transactions none."""
    if not profile.transactions:
        return {}
    row = dict(zip(profiles.COLUMNS, profiles.row_of(profile), strict=True))
    row["memory"] = None if profile.memory is None else to_json(profile.memory.state()).decode()
    return {(profile.client_id, name): value for name, value in row.items() if name not in ("client_id", "version")}
