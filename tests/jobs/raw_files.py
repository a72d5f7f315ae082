"""Raw files as the tests write them, and what a line of one says, without Spark; tests/fields has each field's rule."""

import gzip
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from fraudstack.fields import amounts, dates, ids, nothing
from fraudstack.schema import FIRST_ASSIGNED
from fraudstack.storage.forms import KEPT

HEADER = "id,date,client_id,card_id,amount,use_chip,merchant_id,merchant_city,merchant_state,zip,mcc,errors"
COLUMNS = HEADER.split(",")

# The 16 columns of the contract, as Python has them.
Row = tuple[object, ...]


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
    said = {name: field if nothing.is_value(field) else None for name, field in raw.items()}
    id, date, cents = ids.number(raw["id"], ids.NUMBER), dates.read(raw["date"]), amounts.cents(raw["amount"], "USD")
    mcc = ids.number(said["mcc"] or "", ids.MCC)
    if id is None or id >= FIRST_ASSIGNED or date is None or cents is None or not said["client_id"]:
        return None
    if not dates.FIRST <= date <= datetime.now(UTC).replace(tzinfo=None) + dates.AHEAD or (said["mcc"] and mcc is None):
        return None
    zip_code = re.fullmatch(r"([0-9]{1,5})(?:\.0)?", said["zip"] or "")
    said |= {name: ids.key(said[name] or "") or None for name in ("client_id", "card_id", "merchant_id")}
    # How a text is kept has tests of its own.
    said |= {name: form(value) or None for name, form in KEPT.items() if (value := said.get(name))}
    return (
        id,
        date,
        said["client_id"],
        said["card_id"],
        Decimal(cents) / 100,
        "USD",
        said["use_chip"],
        said["merchant_id"],
        said["merchant_city"],
        said["merchant_state"],
        zip_code[1].rjust(5, "0") if zip_code else said["zip"],
        mcc,
        None,
        said["errors"],
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
