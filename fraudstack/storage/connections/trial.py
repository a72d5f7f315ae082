"""Whether a store can be written."""

from fraudstack.storage.connections.online import Connection

# A row that stands in every store, left as it is: the page or the row is written all the same.
_TRIAL = "UPDATE schema_transactions SET version_num = version_num"


def try_writing(connection: Connection) -> None:
    """Write what changes nothing, in the transaction under way."""
    connection.execute(_TRIAL)
