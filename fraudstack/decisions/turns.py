"""The way from a caller to the turns to write: what has to be looked at for long is looked at between them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from fraudstack.decisions.asked import Advice, Asked, Conflict, Decided, locks
from fraudstack.decisions.deciding import decide, decide_some
from fraudstack.decisions.submission import Submission
from fraudstack.decisions.terms import Terms
from fraudstack.decisions.work import MOST_TOGETHER
from fraudstack.decisions.writer import Room, Writer
from fraudstack.storage.connections.online import Readers
from fraudstack.storage.following.history import Replayed, Replays, Wanted, replay


async def settled[T](
    readers: Readers, written: Callable[[Replays], Awaitable[T | Wanted]], ids: Collection[int] = ()
) -> T:
    """The answer of work for the writer, which is done again once the history that it wants has been replayed."""
    replays: dict[str, Replayed] = {}
    while isinstance(found := await written(replays), Wanted):
        replays[found.client_id] = await asyncio.to_thread(_replay, readers, found.client_id, ids)
    return found


async def decided_in_turn(room: Room, readers: Readers, asked: Asked) -> Decided | Conflict:
    """Decide a transaction, with others that wait, in a turn to write for which there is room, or in a later one."""

    async def written(replays: Replays) -> Decided | Conflict | Wanted:
        found: Decided | Conflict | Wanted = await room.written_with(
            decide, replace(asked, replays=replays), locks([asked.posted])
        )
        return found

    return await settled(readers, written, () if asked.posted.id is None else (asked.posted.id,))


async def decided_in_turns(
    writer: Writer, readers: Readers, posts: Sequence[Submission], terms: Terms, now: datetime, advice: Advice
) -> AsyncIterator[Decided | Conflict]:
    """Decide transactions in their order, in as many turns to write as they take, and give each once it is stored."""
    replays: dict[str, Replayed] = {}
    done = 0
    while done < len(posts):
        waiting = posts[done : done + MOST_TOGETHER]
        asked = [Asked(posted, terms, now, advice, replays=replays) for posted in waiting]
        found, wanted = await writer.written(partial(decide_some, several=asked), locks(waiting), len(waiting))
        done += len(found)
        for one in found:
            yield one
        if wanted is not None:
            ids = {posted.id for posted in posts if posted.id is not None and posted.client_id == wanted.client_id}
            replays[wanted.client_id] = await asyncio.to_thread(_replay, readers, wanted.client_id, ids)


def _replay(readers: Readers, client_id: str, ids: Collection[int]) -> Replayed:
    with readers.reading() as connection:
        return replay(connection, client_id, ids)
