"""A decision that was rolled back leaves nothing behind, in the store or in memory."""

from contextlib import closing, suppress
from datetime import datetime

from fraudstack.decisions.asked import Asked
from fraudstack.decisions.deciding import decide, score
from fraudstack.decisions.submission import Submission
from fraudstack.decisions.terms import Terms
from fraudstack.rules import config
from fraudstack.storage import profiles
from fraudstack.storage.connections.online import Connection
from fraudstack.storage.connections.store import parse
from fraudstack.storage.following import history
from fraudstack.storage.upgrade import upgrade
from tests.api.scorer import post

TERMS = Terms(config.load(config.DEFAULT), "USD")
NOW = datetime(2019, 11, 1, 12)


class PowerCutError(Exception):
    """Something that ends a transaction after its work was done."""


def test_what_was_scored_holds_nothing_of_a_decision_that_was_rolled_back(database: str) -> None:
    store = parse(database)
    upgrade(store, "transactions")
    first, second, third = (Submission(**post(id, merchant_id=str(id), amount=10 * id)) for id in (1, 2, 3))
    with closing(Connection(store)) as connection:
        with connection.write(["7"]):
            decide(connection, [Asked(first, TERMS, NOW)])
        scored = score(connection, second, TERMS, NOW)
        with suppress(PowerCutError), connection.write(["7"]):
            decide(connection, [Asked(second, TERMS, NOW, scored=scored)])
            raise PowerCutError
        # As many changes as the one that was rolled back would have been.
        with connection.write(["7"]):
            decide(connection, [Asked(third, TERMS, NOW)])
        with connection.write(["7"]):
            decide(connection, [Asked(second, TERMS, NOW, scored=scored)])
        kept, whole = profiles.read_whole(connection, "7"), history.replay(connection, "7").profile
    for found in (kept, whole):
        assert found.memory is not None
        assert found.memory.transactions == 3
        found.memory = None
    assert kept == whole
