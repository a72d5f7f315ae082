"""The way from a caller to the turns to write: what has to be looked at for long is looked at between them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from datetime import datetime

from fraudstack.decisions.deciding import Advice, Conflict, Decided, decide_some, locks
from fraudstack.decisions.submission import Submission
from fraudstack.decisions.terms import Terms
from fraudstack.decisions.work import MOST_TOGETHER
from fraudstack.decisions.writer import Writer
from fraudstack.storage.connections.online import Connection, Readers
from fraudstack.storage.following.history import Replayed, Replays, Wanted, replay


async def settled[T](
    readers: Readers, written: Callable[[Replays], Awaitable[T | Wanted]], ids: Collection[int] = ()
) -> T:
    """The answer of work for the writer, which is done again once the history that it wants has been replayed."""
    replays: dict[str, Replayed] = {}
    while isinstance(found := await written(replays), Wanted):
        replays[found.client_id] = await asyncio.to_thread(_replay, readers, found.client_id, ids)
    return found


async def decided_in_turns(
    writer: Writer, readers: Readers, posts: Sequence[Submission], terms: Terms, now: datetime, advice: Advice
) -> AsyncIterator[Decided | Conflict]:
    """Decide transactions in their order, in as many turns to write as they take, and give each once it is stored."""
    replays: dict[str, Replayed] = {}
    done = 0
    while done < len(posts):
        waiting = posts[done : done + MOST_TOGETHER]

        def work(
            connection: Connection, waiting: Sequence[Submission] = waiting
        ) -> tuple[list[Decided | Conflict], Wanted | None]:
            return decide_some(connection, waiting, terms, now, advice, replays)

        found, wanted = await writer.written(work, locks(waiting), len(waiting))
        done += len(found)
        for one in found:
            yield one
        if wanted is not None:
            ids = {posted.id for posted in posts if posted.id is not None and posted.client_id == wanted.client_id}
            replays[wanted.client_id] = await asyncio.to_thread(_replay, readers, wanted.client_id, ids)


def _replay(readers: Readers, client_id: str, ids: Collection[int]) -> Replayed:
    with readers.reading() as connection:
        return replay(connection, client_id, ids)
