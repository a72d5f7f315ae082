"""What each load of a file brought: the ids of its transactions, its labels, and what its corrections replaced.

Lists of ids are packed, some bytes for a hundred ids: a history of millions has millions. The labels in them are facts,
as reviews are: the latest verdict counts, else the label of the latest load, and `transactions.is_fraud` follows.
"""

import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fraudstack.features import DAY
from fraudstack.schema import DATE_FORMAT
from fraudstack.storage.connections.online import Connection, Row

type Kind = Literal["transactions", "labels"]
type Ints = NDArray[np.int64]

# Of each kind the columns that are packed: ids, which rise; of labels also 0 or 1, and seconds since 1970, or UNDATED.
_COLUMNS: dict[Kind, int] = {"transactions": 1, "labels": 3}
UNDATED = -1
KINDS = tuple(_COLUMNS)

NEXT = "SELECT CAST(coalesce(max(number), 0) + 1 AS BIGINT) AS number FROM loads"
# A server takes a parameter for what the column is, and is told what comes: a text, a number.
_TIME, _BYTES = {True: "CAST(? AS TEXT)::timestamp", False: "?"}, {True: "CAST(? AS BYTEA)", False: "?"}
_LOAD = "INSERT INTO loads (number, run_id, step, at) VALUES (?, ?, ?, {time}) ON CONFLICT (number) DO NOTHING"
_LIST = """INSERT INTO load_lists (load, kind, part, first, last, packed)
    SELECT CAST(? AS BIGINT), CAST(? AS TEXT), coalesce(max(part), 0) + 1, CAST(? AS BIGINT), CAST(? AS BIGINT), {bytes}
    FROM load_lists WHERE load = ? AND kind = ?"""
_OF_LOAD = "SELECT part, packed FROM load_lists WHERE load = ? AND kind = ? ORDER BY part"
_WITHIN = """SELECT load, part, packed FROM load_lists WHERE kind = ? AND last >= ? AND first <= ?
    ORDER BY load, part"""
_REPACK = "UPDATE load_lists SET first = ?, last = ?, packed = ? WHERE load = ? AND kind = ? AND part = ?"
_FORGET = "DELETE FROM load_lists WHERE load = ? AND kind = ? AND part = ?"


class Load(NamedTuple):
    """A step of a run that loads a file; numbers rise with time."""

    number: int
    run_id: str
    step: str


class Label(NamedTuple):
    """What a file said of a transaction: whether it was fraud, since when that was known, and the load's number."""

    is_fraud: int
    known_at: int
    load: int

    @property
    def known(self) -> int | None:
        """The day, since 1970; None where nobody tells."""
        return None if self.known_at == UNDATED else self.known_at // DAY


def pack(*columns: Ints) -> bytes:
    """Columns of whole numbers, as long as each other, in few bytes where they rise slowly or stay."""
    return zlib.compress(np.diff(np.stack(columns).astype("<i8"), prepend=0).tobytes(), 1)


def unpack(packed: bytes, kind: Kind) -> Ints:
    """The columns of a list, (columns, rows)."""
    steps: Ints = np.frombuffer(zlib.decompress(packed), "<i8").reshape(_COLUMNS[kind], -1)
    return steps.cumsum(axis=1)


def noting(load: Load, *, server: bool) -> tuple[str, tuple[Any, ...]]:
    """A statement, with `?` for its parameters, that enters a load, unless it is there."""
    return _LOAD.format(time=_TIME[server]), (*load, datetime.now(UTC).strftime(DATE_FORMAT))


def listing(load: int, kind: Kind, *columns: Ints, server: bool) -> tuple[str, tuple[Any, ...]]:
    """A statement, with `?` for its parameters, that adds a list, of one transaction at least, to those of a load."""
    order = np.argsort(columns[0])
    ids, *others = (column[order] for column in columns)
    ends = int(ids[0]), int(ids[-1])
    return _LIST.format(bytes=_BYTES[server]), (load, kind, *ends, pack(ids, *others), load, kind)


def lists(connection: Connection, load: int, kind: Kind) -> Iterator[tuple[int, Ints]]:
    """The lists of a load, by part."""
    for part, packed in connection.rows(_OF_LOAD, (load, kind)):
        yield part, unpack(packed, kind)


def labels_of(
    rows: Callable[[str, tuple[Any, ...]], Iterable[Row]], ids: Ints, *, but: int | None = None
) -> dict[int, Label]:
    """The labels that count for transactions, by id: each of the latest load, perhaps of any but one.

    `rows` answers a query with `?` for its parameters.
    """
    found: dict[int, Label] = {}
    if not ids.size:
        return found
    for load, _, packed in rows(_WITHIN, ("labels", int(ids.min()), int(ids.max()))):
        if load == but:
            continue
        known = unpack(packed, "labels")
        for id, is_fraud, known_at in known[:, np.isin(known[0], ids)].T.tolist():
            found[id] = Label(is_fraud, known_at, load)
    return found


def truths_of(rows: Callable[[str, tuple[Any, ...]], Iterable[Row]], ids: Ints) -> Ints:
    """What the labels that count say of transactions, in the order of `ids`: 0, 1, or -1 where there is none.

    `rows` answers a query with `?` for its parameters.
    """
    found: Ints = np.full(ids.size, -1)
    if not ids.size:
        return found
    # By rising numbers of their loads: the latest stands.
    for _, _, packed in rows(_WITHIN, ("labels", int(ids.min()), int(ids.max()))):
        known, truths, _ = unpack(packed, "labels")
        at = np.searchsorted(known, ids).clip(max=known.size - 1)
        there = known[at] == ids
        found[there] = truths[at[there]]
    return found


def take_out(
    connection: Connection, ids: Sequence[int], kinds: Iterable[Kind] = KINDS, *, of: int | None = None
) -> None:
    """Take transactions from the lists of all loads, or of one, in the write transaction under way."""
    if not ids:
        return
    wanted = np.array(ids, np.int64)
    for kind in kinds:
        for load, part, packed in connection.rows(_WITHIN, (kind, min(ids), max(ids))):
            if of not in (None, load):
                continue
            known = unpack(packed, kind)
            left = known[:, ~np.isin(known[0], wanted)]
            if left.shape == known.shape:
                continue
            if left.size:
                connection.execute(_REPACK, (int(left[0, 0]), int(left[0, -1]), pack(*left), load, kind, part))
            else:
                connection.execute(_FORGET, (load, kind, part))
