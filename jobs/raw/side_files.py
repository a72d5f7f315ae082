"""What lies beside the transactions so that people read names: merchant category codes and cards.

They never keep transactions from being loaded: what can't be read of them is left out, and told.
"""

import csv
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from fraudstack.errors import InputError
from fraudstack.fields import nothing, truth
from fraudstack.reading import files, paths, text
from fraudstack.reading.files import Packed
from fraudstack.schema import Card

CODES, CARDS = "mcc_codes.json", "cards_data.csv"
_MOST_BYTES = 1 << 24
_CODES = pa.schema([("mcc", pa.int32()), ("name", pa.string())])
_CARDS = pa.schema(
    [
        (column.name, pa.int32() if column.type.python_type is int else pa.string())
        for column in Card.__table__.columns  # type: ignore[attr-defined]
    ]
)
# Of a record, what may be a category's name, the best first.
_NAMES = ("name", "description", "edited_description", "combined_description", "category", "usda_description")
# A run of digits as a card number has it, written out, in groups or as a spreadsheet shortens it.
_NUMBER = re.compile(r"[0-9](?:[ -]?[0-9]){11}|[0-9][.,][0-9]+E\+?1[0-9]", re.IGNORECASE)
_ENGLISH = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS = {name: month for month, name in enumerate(_ENGLISH, 1)} | {"mrz": 3, "mai": 5, "okt": 10, "dez": 12}


@dataclass
class Found:
    """Rows by table, and in sentences what couldn't be read."""

    tables: dict[str, pa.Table] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)


def read(transactions: str) -> Found:
    """Rows of the tables mcc_codes and cards, of each that lies beside the transactions or in their archive."""
    found = Found()
    if paths.is_remote(transactions):
        return found
    given = paths.found(transactions)[0]
    for name, table, read_from in ((CODES, "mcc_codes", _codes), (CARDS, "cards", _cards)):
        try:
            packed = _beside(given, name)
            if packed is not None:
                rows = read_from(packed, found.said)
                if rows.num_rows:
                    found.tables[table] = rows
        except InputError as error:
            found.said.append(f"{error}; the transactions are loaded without it")
    return found


def _beside(given: Path, name: str) -> Packed | None:
    for path in (given.parent / name, given.parent / f"{name}.gz", given.parent / f"{name}.zip"):
        if path.is_file():
            packed = files.unpacked(path, lambda member: Path(member).name == name)
            return packed[0] if packed else None
    return files.member(given, name)


def _codes(packed: Packed, said: list[str]) -> pa.Table:
    content = packed.first(_MOST_BYTES)
    try:
        written = "".join(text.decoded([content], text.encoding_of(content) or "utf-8")).removeprefix("\ufeff")
        codes = list(_pairs(json.loads(written)))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{packed.name} isn't JSON of merchant category codes and names") from error
    known: dict[int, str] = {}
    for code, name in codes:
        if re.fullmatch(r"[0-9]{1,4}(?:\.0)?", code) and isinstance(name, str) and name.strip():
            known.setdefault(int(float(code)), _storable(name.strip()))
    _tell(said, packed, len(codes) - len(known), "codes", "no number of at most four digits, no name, or there twice")
    return pa.table({"mcc": list(known), "name": list(known.values())}, schema=_CODES)


def _pairs(content: object) -> Iterator[tuple[str, object]]:
    if isinstance(content, dict) and len(content) == 1 and isinstance(next(iter(content.values())), list):
        content = next(iter(content.values()))
    if isinstance(content, dict):
        for code, said in content.items():
            yield str(code).strip(), _name(said) if isinstance(said, dict) else said
        return
    if not isinstance(content, list):
        raise ValueError("neither an object nor a list")
    for record in content:
        if isinstance(record, dict):
            by_name = {str(name).lower(): value for name, value in record.items()}
            yield str(by_name.get("mcc", by_name.get("code", by_name.get("id", "")))).strip(), _name(by_name)
        else:
            yield "", None


def _name(record: dict[str, Any]) -> object:
    return next((record[name] for name in _NAMES if isinstance(record.get(name), str) and record[name].strip()), None)


def _cards(packed: Packed, said: list[str]) -> pa.Table:
    """The cards, without their numbers: those columns are never asked for.

    A row whose columns are shifted would carry them into another column: it is left out.
    """
    file = files.raw_file(packed, None, None)
    if file is None:
        raise InputError(f"{packed.name} is empty")
    names = file.start.names
    missing = [name for name in ("id", "client_id") if name not in names]
    if missing:
        raise InputError(f"{packed.name} has no column {', '.join(missing)}")
    if warning := file.note():
        said.append(warning)
    known: dict[str, dict[str, Any]] = {}
    out_of_place, unread = 0, 0
    for _, line in file.lines():
        card = _card(_fields(line, file.start.separator), names)
        if card is None:
            out_of_place += 1
            continue
        row, lacks = card
        unread += lacks
        known.setdefault(row["id"], row)
    _tell(said, packed, out_of_place, "cards", "their columns are out of place, or there is no id or client_id")
    _tell(said, packed, unread, "fields", "no such date, amount, number or yes and no; the rest of their cards is read")
    return pa.Table.from_pylist(list(known.values()), schema=_CARDS)


def _fields(line: bytes, separator: str) -> list[str]:
    try:
        return next(csv.reader([line.decode("utf-8", "replace")], delimiter=separator, strict=True))
    except csv.Error:
        return []


def _card(fields: list[str], names: list[str]) -> tuple[dict[str, Any], int] | None:
    """A card and how many of its fields can't be read; None where its columns are out of place."""
    if len(fields) != len(names):
        return None
    # Of a name that stands twice the first column counts.
    given = {name: value.strip() for name, value in reversed(list(zip(names, fields, strict=True)))}
    asked = {name: given.get(name, "") for name in _CARDS.names}
    asked = {name: value if nothing.is_value(value) else "" for name, value in asked.items()}
    of_digits = any(re.search("[0-9]{3}", asked[name]) for name in ("card_brand", "card_type"))
    # A cvv that slid there.
    no_date = any(re.fullmatch("[0-9]{3,}", asked[name]) for name in ("expires", "acct_open_date"))
    no_chip = asked["has_chip"] and truth.is_yes(asked["has_chip"]) is None
    if of_digits or no_date or no_chip or _NUMBER.search(" ".join(f"|{value}|" for value in asked.values())):
        return None
    row: dict[str, Any] = {name: _READ.get(name, _storable)(value) if value else None for name, value in asked.items()}
    if row["id"] is None or row["client_id"] is None:
        return None
    return row, sum(1 for name, value in asked.items() if value and row[name] is None)


def _id(value: str) -> str:
    return _storable(re.sub(r"\.0+$", "", value))


def _month(value: str, *, latest: int) -> str | None:
    """MM/YYYY of a date in a form that spreadsheets make of it; a year of two digits is `latest` or before."""
    parts = re.split(r"[-/. ]+", re.sub(r"[t ][0-9]{2}:[0-9]{2}.*", "", value.lower()).strip(" ."))
    named = [_MONTHS[part] for part in parts if part in _MONTHS]
    numbers = [int(part) for part in parts if re.fullmatch("[0-9]{1,4}", part)]
    if len(parts) not in (2, 3) or len(named) + len(numbers) != len(parts):
        return None
    year_first = len(parts[0]) == 4 and not named
    year = numbers.pop(0 if year_first else -1)
    # Of two the month is the one that isn't the first of it.
    possible = named or numbers[:1] * year_first or [number for number in numbers if number != 1] or [1]
    months = {number for number in possible if 1 <= number <= 12}
    if year < 100:
        year += latest // 100 * 100
        year -= 100 * (year > latest)
    return f"{months.pop():02}/{year}" if len(months) == 1 and 1900 <= year <= 2200 else None


def _whole(value: str) -> int | None:
    """A whole number, which may have a currency's sign, thousands and no cents."""
    value = re.sub(r"[$€£\s]|^[A-Z]{3}|[A-Z]{3}$", "", value)
    if re.fullmatch(r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.0+)?", value):
        value = value.replace(",", "")
    return int(value.split(".")[0]) if re.fullmatch(r"[0-9]{1,9}(?:\.0{1,2})?", value) else None


def _chip(value: str) -> str | None:
    return {True: "YES", False: "NO", None: None}[truth.is_yes(value)]


def _on_dark_web(value: str) -> str | None:
    return {True: "Yes", False: "No", None: None}[truth.is_yes(value)]


def _storable(value: str) -> str:
    return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


# How a column is read that isn't text as it stands.
_READ: dict[str, Callable[[str], str | int | None]] = {
    "id": _id,
    "client_id": _id,
    "expires": lambda value: _month(value, latest=datetime.now(UTC).year + 30),
    "acct_open_date": lambda value: _month(value, latest=datetime.now(UTC).year),
    "has_chip": _chip,
    "card_on_dark_web": _on_dark_web,
    **dict.fromkeys(("num_cards_issued", "credit_limit", "year_pin_last_changed"), _whole),
}


def _tell(said: list[str], packed: Packed, count: int, things: str, why: str) -> None:
    if count:
        said.append(f"{packed.name}: {count:,} {things} were left out: {why}")
