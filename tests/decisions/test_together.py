"""Transactions that are decided together are decided as they would be one after the other."""

import random
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast

import pytest

from fraudstack.decisions.asked import Asked, Conflict, Decided
from fraudstack.decisions.deciding import decide
from fraudstack.decisions.submission import Submission
from fraudstack.decisions.terms import Terms
from fraudstack.model.artefact import Model
from fraudstack.rules import config
from fraudstack.storage.connections.online import Connection
from fraudstack.storage.connections.store import Store, parse
from fraudstack.storage.following.history import Replayed, Wanted, replay
from fraudstack.storage.upgrade import upgrade
from tests.api.scorer import post
from tests.storage.dump import everything
from tests.storage.test_follow import Oracle
from tests.storage.test_load import load, row

TERMS = Terms(config.load(config.DEFAULT), "USD")
START = datetime(2019, 11, 1, 12)
# Loaded before: some are posted too, some come before a client's latest.
LOADED = [
    row(id, client_id=str(id % 4), date=START + timedelta(hours=id), merchant_id=str(id % 5), is_fraud=None)
    for id in range(1, 30)
]


def posts(seed: int) -> list[Submission]:
    """Little payments with few cards at few merchants, some late, some with an id, of these some twice."""
    draw, found = random.Random(seed), []
    for at in range(120):
        moment = START + timedelta(minutes=at - draw.choice([0, 0, 0, 0, 3000]))
        known = draw.choice([None, None, None, 1000 + at // 3, draw.randint(1, 29)])
        body = post(
            known,
            date=str(moment),
            client_id=str(draw.randint(0, 40)),
            card_id=draw.choice([None, *map(str, range(25))]),
            merchant_id=draw.choice([None, *map(str, range(2))]),
            amount=draw.choice([0.5, 1, 1, 20.5, -20.5, 900]),
            mcc=draw.choice([None, 5411, 5812]),
            errors=draw.choice([None, None, None, "Bad CVV"]),
        )
        if known is not None and known < 100:
            loaded = LOADED[known - 1]
            names = ("client_id", "card_id", "use_chip", "merchant_id", "merchant_city", "merchant_state", "zip", "mcc")
            body = {name: loaded[name] for name in names if loaded.get(name) is not None}
            body |= {"id": known, "date": str(loaded["date"]), "amount": loaded["cents"] / 100}
        found.append(Submission(**body))
    return found


def decided(store: Store, several: list[Submission], terms: Terms, most: int) -> list[tuple[object, ...]]:
    """What is told of each, in transactions of at most so many."""
    draw = random.Random(most)
    told: list[tuple[object, ...]] = []
    replays: dict[str, Replayed] = {}
    with closing(Connection(store)) as connection:
        while len(told) < len(several):
            together = several[len(told) : len(told) + draw.randint(1, most)]
            asked = [Asked(posted, terms, START, replays=replays) for posted in together]
            wanted = None
            with connection.write([posted.client_id for posted in together]):
                found = decide(connection, asked)
            for one in found:
                match one:
                    case Decided():
                        codes = tuple(reason["code"] for reason in one.decision["reasons"])
                        told.append((one.id, one.again, one.decision["score"], codes))
                    case Conflict():
                        told.append((one.sentence,))
                    case Wanted():
                        wanted = one
            if wanted is not None:
                ids = {posted.id for posted in several if posted.id is not None}
                replays[wanted.client_id] = replay(connection, wanted.client_id, ids)
    return told


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(
    "terms", [TERMS, Terms(TERMS.rules, "USD", model=cast(Model, Oracle()))], ids=["rules", "model"]
)
def test_they_are_decided_as_one_after_the_other(database: str, tmp_path: Path, terms: Terms, seed: int) -> None:
    several = posts(seed)
    apart, together = parse(f"sqlite:///{tmp_path}/apart.db"), parse(database)
    for store in (apart, together):
        upgrade(store, "transactions")
        load(store, LOADED)
    told = decided(apart, several, terms, 1)
    assert decided(together, several, terms, 30) == told
    assert everything(together) == everything(apart)
    assert {len(one) for one in told} == {1, 4}
    # What one changes for another is met with.
    codes = {code for one in told if len(one) == 4 for code in cast(tuple[str, ...], one[-1])}
    assert {"card_testing", "card_shared"} <= codes
