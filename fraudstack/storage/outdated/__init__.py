"""What is made of all transactions at once, because a store was empty or a file is large against it."""

from fraudstack.storage.connections.online import Connection

NAMES = PROFILES, MEMORIES, DECISIONS = "profiles", "memories", "decisions"

# All of them; what waits to be counted will be, with all the rest.
_EVERY = " UNION ALL ".join(f"SELECT '{name}' AS name" for name in NAMES)
MARK = (
    f"INSERT INTO outdated (name) SELECT name FROM ({_EVERY}) every WHERE true ON CONFLICT (name) DO NOTHING",
    "DELETE FROM changes",
)
COUNTED = "SELECT CAST(coalesce(sum(transactions), 0) AS BIGINT) AS transactions FROM profiles"
_NAMES = "SELECT name FROM outdated"


def names(connection: Connection) -> set[str]:
    """What is to be made anew by the next ingest, of NAMES."""
    return {name for (name,) in connection.rows(_NAMES)}


def enters(connection: Connection, several: int, share: float) -> bool:
    """Whether so many changes are counted one by one: not if they are more than a share of what is counted.

    Then all is marked, to be made anew.
    """
    if PROFILES in names(connection):
        return False
    [(counted,)] = connection.rows(COUNTED)
    if several <= share * counted:
        return True
    with connection.write():
        for statement in MARK:
            connection.execute(statement)
    return False
