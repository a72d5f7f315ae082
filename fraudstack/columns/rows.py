"""A row of a file with columns of its own, as the contract's columns would have it: for doors that read row by row."""

import re
from collections.abc import Mapping as Row
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from fraudstack.columns import formats, made_ids
from fraudstack.columns.mapping import (
    AmountSource,
    DateSource,
    IdSource,
    KeySource,
    LabelSource,
    Mapping,
    Source,
    TextSource,
)
from fraudstack.columns.tokens import ROUNDED, TokenKey
from fraudstack.fields import amounts, dates, ids, nothing
from fraudstack.fields.rewriting import matches
from fraudstack.schema import DATE_FORMAT

# Seconds and milliseconds since 1970; a fraction, as pandas writes it, is cut off.
UNIX = {"s": r"(-?[0-9]{1,11})(?:\.[0-9]+)?", "ms": r"(-?[0-9]{1,14})(?:\.[0-9]+)?"}
# Where a plain time that says its zone has it: behind hours and minutes.
ZONED = "[Zz+-]"
TIME_ENDS = len("YYYY-MM-DD HH:MM")


def read(mapping: Mapping, row: Row[str, str], currency: str, *, commas_group: bool = True) -> dict[str, str]:
    """The contract's columns of a row (by the file's names, in small letters) as texts, those that say something.

    Amounts are in `currency`, dates in UTC, is_fraud is Yes or No. Raises ValueError with the reason for which an
    ingest would put the row into quarantine.
    """
    found: dict[str, str] = {}
    for name, source in mapping.columns.given().items():
        text = joined(source, row)
        match source:
            case IdSource(digest=True):
                text = str(made_ids.of_text(text)) if text else ""
            case DateSource():
                text = _date(source, text)
            case AmountSource():
                text = _amount(source, text, row, currency, commas_group=commas_group)
            case LabelSource():
                text = _label(source, text)
            case TextSource():
                text = _value(name, source, text)
                if isinstance(source, KeySource) and source.token:
                    text = _token(name, text, mapping.key)
        if text:
            found[name] = text
    return found


def made_id(found: Row[str, str], mapping: Mapping) -> int:
    """The id of a row without one, of what `read` found in it: the one that an ingest makes."""
    said = {name: text for name, text in found.items() if nothing.is_value(text)}
    typed: dict[str, str | int | None] = {**said}
    typed |= {name: ids.key(said[name]) for name in ("client_id", "card_id", "merchant_id") if name in said}
    zip_code = said.get("zip")
    if zip_code and matches(r"[0-9]{1,5}(?:\.0)?", zip_code):
        typed["zip"] = zip_code.removesuffix(".0").zfill(5)
    since = datetime.strptime(said["date"], DATE_FORMAT) - datetime(1970, 1, 1)
    typed |= {
        "date": int(since.total_seconds()),
        "cents": int(Decimal(said["amount"]).scaleb(2)),
        "mcc": ids.number(said.get("mcc", ""), ids.MCC),
    }
    return made_ids.of_row(None if name in mapping.tokens else typed.get(name) for name in made_ids.CONTENT)


def joined(source: Source, row: Row[str, str]) -> str:
    """What the source's columns say in a row, those that say something with a blank in between."""
    if source.names is None:
        return source.value or ""
    texts = (row[name.lower()].strip(" ") for name in source.names)
    return " ".join(text for text in texts if text)


def _value(name: str, source: TextSource, text: str) -> str:
    if source.values is None:
        return text
    if text not in source.values and nothing.is_value(text):
        raise ValueError(f"unknown {name}")
    return source.values.get(text, "").strip(" ")


def _token(name: str, text: str, key: TokenKey | None) -> str:
    if not nothing.is_value(text):
        return ""
    text = ids.key(text)
    if key is None or matches(ROUNDED, text):
        raise ValueError(f"bad {name}")
    return key.token(text)


def _label(source: LabelSource, text: str) -> str:
    meanings = source.meanings()
    known = text if source.values else text.lower()
    if known not in meanings and nothing.is_value(text):
        raise ValueError("bad is_fraud")
    meant = meanings.get(known)
    return "" if meant is None else "Yes" if meant else "No"


def _date(source: DateSource, text: str) -> str:
    try:
        date = _local(source, text)
        if date and source.zone and (source.format or not set(ZONED) & set(text[TIME_ENDS:])):
            date = date.replace(tzinfo=ZoneInfo(source.zone)).astimezone(UTC).replace(tzinfo=None)
    except OverflowError:
        date = None
    if date is None:
        raise ValueError("bad date")
    return date.strftime(DATE_FORMAT)


def _local(source: DateSource, text: str) -> datetime | None:
    if source.unix:
        found = re.fullmatch(UNIX[source.unix], text)
        return found and datetime(1970, 1, 1) + timedelta(seconds=int(found[1]) // (1000 if source.unix == "ms" else 1))
    return formats.read(text, source.format) if source.format else dates.read(text)


def _amount(source: AmountSource, text: str, row: Row[str, str], currency: str, *, commas_group: bool) -> str:
    cents = amounts.cents(text, currency, source.decimal, commas_group=commas_group)
    if cents is not None and source.unit:
        cents = cents // 100 if cents % 100 == 0 else None
    if cents is not None and source.sign and row[source.sign.name.lower()].strip(" ") in source.sign.minus:
        # Two signs may mean either.
        cents = -cents if cents >= 0 else None
    if cents is None:
        raise ValueError("bad amount")
    return f"{'-' * (cents < 0)}{abs(cents) // 100}.{abs(cents) % 100:02}"
