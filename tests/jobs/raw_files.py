"""Raw files as the tests write them, and what a careful person reads from a line of one, with no code of ours."""

import gzip
import re
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from fraudstack.storage.forms import KEPT

HEADER = "id,date,client_id,card_id,amount,use_chip,merchant_id,merchant_city,merchant_state,zip,mcc,errors"
COLUMNS = HEADER.split(",")

# The 16 columns of the contract, as Python has them.
Row = tuple[object, ...]

_AMOUNT = re.compile(r"(?:\$?(-?)|(-)\$)([0-9]{1,10}|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.([0-9]{1,2})0*)?")


def row(id: int | str, **other: str) -> str:
    """A line that can be read, with some fields as given."""
    fields = {
        "id": str(id),
        "date": "2010-01-01 00:01:00",
        "client_id": "1556",
        "card_id": "2972",
        "amount": "$-77.00",
        "use_chip": "Swipe Transaction",
        "merchant_id": "59935",
        "merchant_city": "Beulah",
        "merchant_state": "ND",
        "zip": "58523.0",
        "mcc": "5499",
        "errors": "",
    }
    return ",".join((fields | other)[name] for name in COLUMNS)


def write(path: Path, lines: Iterable[str | bytes], header: str | None = HEADER) -> Path:
    """A file of lines under a header, gzipped if its name says so."""
    every = [header, *lines] if header is not None else [*lines]
    content = b"".join((line.encode() if isinstance(line, str) else line) + b"\n" for line in every)
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
    return path


def records(content: bytes) -> list[tuple[int, bytes]]:
    """Number and bytes of every line after the first that isn't blank."""
    numbered = enumerate((line.rstrip(b"\r") for line in content.split(b"\n")), 1)
    return [(number, line) for number, line in numbered if number > 1 and line.strip(b" ")]


def read(line: bytes) -> Row | None:
    """The 16 columns that a line stands for, or None if it must be refused."""
    try:
        text = line.decode()
    except UnicodeDecodeError:
        return None
    if "\0" in text or len(text) > 4096:
        return None
    fields = split(text)
    if fields is None or len(fields) != len(COLUMNS):
        return None
    raw = {name: field.strip(" ") for name, field in zip(COLUMNS, fields, strict=True)}
    id, date, cents = _id(raw["id"]), _date(raw["date"]), cents_of(raw["amount"])
    mcc = re.fullmatch(r"([0-9]{1,4})(?:\.0)?", raw["mcc"])
    if id is None or date is None or cents is None or not raw["client_id"] or (raw["mcc"] and not mcc):
        return None
    zip_code = re.fullmatch(r"([0-9]{1,5})(?:\.0)?", raw["zip"])
    # How a text is kept has tests of its own.
    raw |= {name: form(raw[name]) or "" for name, form in KEPT.items() if raw[name]}
    return (
        id,
        date,
        raw["client_id"],
        raw["card_id"] or None,
        Decimal(cents) / 100,
        "USD",
        raw["use_chip"] or None,
        raw["merchant_id"] or None,
        raw["merchant_city"] or None,
        raw["merchant_state"] or None,
        zip_code[1].rjust(5, "0") if zip_code else raw["zip"] or None,
        int(mcc[1]) if mcc else None,
        None,
        raw["errors"] or None,
        None,
        None,
    )


def split(text: str) -> list[str] | None:
    """The fields of a line, or None where its quotes don't come in pairs around whole fields."""
    fields: list[str] = []
    rest: str | None = text
    while rest is not None:
        found = re.match(r'(?:"((?:[^"]|"")*)"|([^",]*))(?=,|\Z)', rest)
        if found is None:
            return None
        fields.append(found[2] if found[1] is None else found[1].replace('""', '"'))
        rest = rest[found.end() + 1 :] if found.end() < len(rest) else None
    return fields


def cents_of(text: str) -> int | None:
    """Whole cents of an amount as the files write it; at most ten digits stand before its point."""
    found = _AMOUNT.fullmatch(text)
    if found is None or len(found[3].replace(",", "")) > 10:
        return None
    cents = int(found[3].replace(",", "")) * 100 + int((found[4] or "0").ljust(2, "0"))
    return -cents if found[1] or found[2] else cents


def _id(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else None


def _date(text: str) -> datetime | None:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}(:[0-9]{2})?", text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
