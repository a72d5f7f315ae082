"""Labels in the shapes that people have: entries of a transaction's id, what is said of it, and since when it is known.

The public set's own file is one object of 159 MB, `{"target":{"10649266":"No",…}}`, which Spark reads in pieces; all
other shapes are read here, as a stream.
"""

import csv
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import ijson

from fraudstack.errors import InputError
from fraudstack.reading import files, text
from fraudstack.reading.files import Packed

_IDS = ("id", "transaction_id", "transactionid", "trans_id")
_LABELS = ("target", "label", "is_fraud", "isfraud", "fraud")
_KNOWN_AT = "known_at"

_SHAPES = (
    '{"target": {"an id": "Yes" or "No", …}}, the same without "target", a list of records with id and label, or CSV '
    "with the columns id,label or id,label,known_at"
)
_OPENS = re.compile(r'\s*\{\s*"target"\s*:\s*\{\s*(?:"|\}\s*\}\s*$)')
_AN_ID = re.compile(r"\s*[0-9]+(?:\.0+)?\s*")
_HEAD = 1 << 12


class Entry(NamedTuple):
    """What a file says of one transaction, as text; `line` is NULL where a file isn't made of lines."""

    line: int | None
    id: str
    value: str
    known_at: str | None
    text: str


def is_plain(packed: Packed) -> bool:
    """Whether it begins as the public set's own file, in UTF-8 and packed as Spark can read it."""
    head = packed.first(_HEAD)
    return packed.packing in {(), ("gzip",)} and _OPENS.match(head.decode("utf-8", "replace")) is not None


def entries(packed: Packed, encoding: str | None = None, separator: str | None = None) -> Iterator[Entry]:
    """All that a file says, in its order; raises InputError where it has none of the shapes that are understood."""
    head = packed.first(files.START)
    found = encoding or text.encoding_of(head)
    if found is None:
        raise _not_labels(packed, "isn't text")
    start = next(iter(text.decoded([head], found))).removeprefix("\ufeff").lstrip()[:1]
    if start in ("{", "["):
        yield from _of_json(packed, found)
    else:
        yield from _of_table(packed, encoding, separator)


def _not_labels(packed: Packed, why: str) -> InputError:
    return InputError(f"{packed.name} isn't a file of labels, it {why}: it must be {_SHAPES}")


def _of_table(packed: Packed, encoding: str | None, separator: str | None) -> Iterator[Entry]:
    file = files.raw_file(packed, encoding, separator)
    if file is None:
        raise _not_labels(packed, "is empty")
    names = file.start.names
    ids = [name for name in names if name in _IDS]
    labels = [name for name in names if name in _LABELS]
    if len(names) == 2 and ids and not labels:
        labels = [name for name in names if name not in ids]
    if not ids or not labels:
        raise _not_labels(packed, f"begins with {file.start.header[:100]!r}")
    of_id, of_label = names.index(ids[0]), names.index(labels[0])
    of_time = names.index(_KNOWN_AT) if _KNOWN_AT in names else None
    for number, line in file.lines():
        written = line.decode("utf-8", "replace")
        fields = _fields(written, file.start.separator)
        if len(fields) != len(names):
            yield Entry(number, "", "", None, written)
        else:
            yield Entry(number, fields[of_id], fields[of_label], None if of_time is None else fields[of_time], written)


def _fields(line: str, separator: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=separator, strict=True))
    except csv.Error:
        return []


def _of_json(packed: Packed, encoding: str) -> Iterator[Entry]:
    try:
        is_map, prefix = _shape(packed, _InUtf8(packed, encoding))
        stream = _InUtf8(packed, encoding)
        if is_map:
            for key, value in ijson.kvitems(stream, prefix):
                yield Entry(None, key, _text(value), None, f'"{key}":{_quoted(value)}')
        else:
            yield from _of_records(packed, ijson.items(stream, prefix, multiple_values=True))
    except ijson.JSONError as error:
        said = str(error).removeprefix("b'").replace("\\n", "\n").splitlines()[0]
        if "EOF" in said:
            raise InputError(f"{packed.name} is cut off: the braces that close its object are missing") from error
        raise _not_labels(packed, f"isn't one JSON text ({said})") from error


def _of_records(packed: Packed, records: Iterator[Any]) -> Iterator[Entry]:
    keys: tuple[str, str] | None = None
    for record in records:
        if keys is None:
            named = record if isinstance(record, dict) else {}
            by_name = {name.lower(): name for name in named}
            ids = [by_name[name] for name in _IDS if name in by_name]
            labels = [by_name[name] for name in _LABELS if name in by_name]
            if not ids or not labels:
                raise _not_labels(packed, f"holds a list whose first item has the keys {', '.join(named) or 'none'}")
            keys = ids[0], labels[0]
        if isinstance(record, dict):
            ident, value = _text(record.get(keys[0])), record.get(keys[1])
            known_at = record.get(_KNOWN_AT)
            written = f'"{ident}":{_quoted(value)}'
            yield Entry(None, ident, _text(value), None if known_at is None else _text(known_at), written)
        else:
            yield Entry(None, "", "", None, _text(record))


def _shape(packed: Packed, stream: "_InUtf8") -> tuple[bool, str]:
    """Whether labels stand in a map, else in records, and the prefix by which ijson calls them."""
    top = ""
    tops = []
    for prefix, event, value in ijson.parse(stream, multiple_values=True):
        if prefix == "" and event == "start_array":
            return False, "item"
        if prefix == "" and event == "map_key":
            top = str(value)
            tops.append(top)
            if _AN_ID.fullmatch(top):
                return True, ""
        elif event == "map_key" and prefix == top and _AN_ID.fullmatch(str(value)):
            if top.lower() in _IDS:
                raise _not_labels(
                    packed, "holds a table column by column, as pandas writes it without orient='records'"
                )
            return True, top
        elif event == "start_map" and prefix == f"{top}.item":
            return False, prefix
        elif prefix == top and top.lower() in (*_IDS, *_LABELS) and event in {"string", "number", "boolean"}:
            return False, ""
    raise _not_labels(packed, f"holds an object with the keys {', '.join(tops[:5]) or 'none'} and no labels in it")


class _InUtf8:
    """Packed bytes as a file that ijson can read."""

    def __init__(self, packed: Packed, encoding: str) -> None:
        pieces = text.decoded(packed.chunks(), encoding)
        self._pieces = (text.encoded(piece.removeprefix("\ufeff")) for piece in pieces)
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        """The next bytes, at most `size`, empty at the end."""
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._rest = piece
        size = len(self._rest) if size < 0 else size
        given, self._rest = self._rest[:size], self._rest[size:]
        return given


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _quoted(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)
