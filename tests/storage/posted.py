"""A post as the scorer decides it, without its turns."""

from datetime import datetime

from fraudstack.decisions.asked import Asked, Conflict, Decided
from fraudstack.decisions.deciding import decide
from fraudstack.decisions.submission import Submission
from fraudstack.decisions.terms import Terms
from fraudstack.storage.connections.online import Connection
from fraudstack.storage.following.history import Wanted, replay


def decided(connection: Connection, posted: Submission, terms: Terms, now: datetime) -> Decided | Conflict:
    """What is decided in the transaction under way; the history that a loaded transaction wants is replayed."""
    [found] = decide(connection, [Asked(posted, terms, now)])
    if isinstance(found, Wanted):
        assert posted.id is not None
        replays = {posted.client_id: replay(connection, posted.client_id, [posted.id])}
        [found] = decide(connection, [Asked(posted, terms, now, replays=replays)])
    assert not isinstance(found, Wanted)
    return found
