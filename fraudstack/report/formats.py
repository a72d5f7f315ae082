"""How the report writes numbers and names, on the terminal and on the page."""

from collections.abc import Mapping
from datetime import datetime

from fraudstack.report.model import Amounts

NOT_KNOWN = "\N{EN DASH}"


def count(number: int | None) -> str:
    """A whole number with separators."""
    return NOT_KNOWN if number is None else f"{number:,}"


def share(of_one: float | None) -> str:
    """A share of 1 in per cent, with so many decimals that small ones still differ."""
    if of_one is None:
        return NOT_KNOWN
    percent = 100 * of_one
    digits = 0 if percent in (0, 100) else 1 if percent >= 10 else 2 if percent >= 1 else 3
    return f"{percent:.{digits}f} %"


def money(amounts: Mapping[str, Amounts], what: str) -> str:
    """One of the sums in every currency, exact to the cent."""
    return " · ".join(f"{getattr(sums, what):,.2f} {currency}" for currency, sums in amounts.items()) or "0.00"


def duration(seconds: float | None) -> str:
    """Seconds of a step that may not have ended."""
    return "not ended" if seconds is None else f"{seconds:,.1f}"


def moment(time: datetime | None) -> str:
    """A time in UTC, to the minute."""
    return NOT_KNOWN if time is None else f"{time:%Y-%m-%d %H:%M}"


def name(text: str | None) -> str:
    """A name from a file, without the control characters that a terminal or a browser would obey."""
    if not text:
        return "(none)"
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
