"""Amounts as people and programs write them, in whole cents; what can be read in two ways is refused, never guessed."""

import re
from functools import cache
from typing import Literal

from fraudstack.fields.rewriting import Step, matches, rewritten

Decimal = Literal[".", ","]

# Of amounts of at least 0 the commonest form; the others pass through the steps.
PLAIN = r"-?[0-9]{1,10}\.[0-9]{2}"
# At most ten digits before the point, and cents are the smallest part.
_NUMBER = r"-?[0-9]{1,10}(?:\.[0-9]{1,2}0*)?"
# Three digits behind a point may be thousands: 47.890 is 47.89 for some and 47,890 for others.
_TWO_WAYS = r"-?[1-9][0-9]{0,2}\.[0-9]{3}"
EXPONENT = r"-?[0-9](?:\.[0-9]{1,12})?[eE][+-]?[0-9]{1,2}"
# The minus of typesetters.
MINUS = "\u2212"
_BLANK, _QUOTE = "[ \u00a0\u2009\u202f]", "['\u2019]"
_BLANKS, _QUOTES = " \u00a0\u2009\u202f", "'\u2019"
MOST_CENTS = 10**12
# What stands beside an amount, of each currency beside its code. A dollar sign is how raw files mark any amount.
_MARKS = {
    "EUR": ("€",), "GBP": ("£",), "CNY": ("¥", "元"), "INR": ("₹", "Rs."), "BRL": ("R$",), "CHF": ("Fr.", "SFr."),
    "PLN": ("zł",), "CZK": ("Kč",), "DKK": ("kr", "kr."), "NOK": ("kr", "kr."), "SEK": ("kr", "kr."), "TRY": ("₺",),
    "ILS": ("₪",), "RUB": ("₽",), "UAH": ("₴",), "NGN": ("₦",), "PHP": ("₱",), "THB": ("฿",), "ZAR": ("R",),
    "USD": ("US$",), "CAD": ("C$", "CA$"), "AUD": ("A$", "AU$"), "NZD": ("NZ$",), "HKD": ("HK$",), "SGD": ("S$",),
    "MXN": ("MX$",), "TWD": ("NT$",), "HUF": ("Ft",), "RON": ("lei",), "KZT": ("₸",), "GEL": ("₾",), "CRC": ("₡",),
}  # fmt: skip


def cents(text: str, currency: str, decimal: Decimal | None = None, *, commas_group: bool = True) -> int | None:
    """An amount in whole cents; None where it can't be read, or in two ways.

    `decimal` is what stands before the cents, where that was said. `commas_group` says that 1,107 is a thousand: so it
    is where the point is at home, and may not be in a file that separates by semicolons.
    """
    number = rewritten(text.replace(MINUS, "-"), steps(currency, decimal, commas_group=commas_group))
    if matches(EXPONENT, number):
        return _of_exponent(number)
    if not matches(number_pattern(decimal), number):
        return None
    whole, _, part = number.removeprefix("-").partition(".")
    found = int(whole) * 100 + int(part[:2].ljust(2, "0") or 0)
    return -found if number.startswith("-") else found


@cache
def steps(currency: str, decimal: Decimal | None, *, commas_group: bool) -> tuple[Step, ...]:
    """How an amount, its minus sign ASCII's, becomes a number with a point; other texts become none."""
    marks = "|".join(re.escape(mark).replace("\\ ", " ") for mark in ("$", currency, *_MARKS.get(currency, ())))
    return (
        Step(f"{_BLANK}*(.*?){_BLANK}*", "$1"),
        Step(f"(.*[0-9.)-]){_BLANK}?(?:{marks})", "$1"),
        # Accountants' minus: in parentheses or behind.
        Step(rf"((?:{marks})?{_BLANK}?)\(([^()]+)\)", "-$1$2"),
        Step(f"([^+-]+?){_BLANK}?-", "-$1"),
        Step(f"([+-]?){_BLANK}?(?:{marks}){_BLANK}?([+-]?)(.*)", "$1$2$3"),
        Step(r"\+([^+-].*)", "$1"),
        *_readings(decimal, commas_group=commas_group),
        Step(r"(-?)(\.[0-9]+)", "$10$2"),
        Step(r"(-?[0-9]+)\.", "$1"),
    )


def number_pattern(decimal: Decimal | None) -> str:
    """What a number is once all steps are taken."""
    return _NUMBER if decimal else f"(?!{_TWO_WAYS}$){_NUMBER}"


def _readings(decimal: Decimal | None, *, commas_group: bool) -> tuple[Step, ...]:
    """What groups thousands goes, and a point stands before the cents."""
    lead, three = "-?[1-9][0-9]{0,2}", "[0-9]{3}"
    apart = f"{lead}(?:(?:{_QUOTE}{three})+|(?:{_BLANK}{three})+)"
    by_comma = Step(rf"{lead}(?:,{three})+(?:\.[0-9]*)?", drop=",")
    if decimal == ".":
        return by_comma, Step(rf"{apart}(?:\.[0-9]*)?", drop=_QUOTES + _BLANKS)
    if decimal == ",":
        return (
            Step(rf"{lead}(?:\.{three})+(?:,[0-9]*)?", drop="."),
            Step(f"{apart}(?:,[0-9]*)?", drop=_QUOTES + _BLANKS),
            # A point that groups nothing.
            Step(r"[^eE]*\.[^eE]*", "?"),
            Step("(-?[0-9]*),([0-9]*)", "$1.$2"),
        )
    if not commas_group:
        by_comma = Step(rf"{lead}(?:(?:,{three}){{2,}}(?:\.[0-9]*)?|,{three}\.[0-9]*)", drop=",")
    return (
        by_comma,
        Step(rf"{lead}(?:(?:\.{three})+,[0-9]{{1,2}}|(?:\.{three}){{2,}})", drop="."),
        Step(f"{apart}(?:[.,][0-9]{{1,2}})?", drop=_QUOTES + _BLANKS),
        Step("(-?[0-9]*),([0-9]{1,2})", "$1.$2"),
    )


def _of_exponent(number: str) -> int | None:
    found = float(number) * 100
    near = round(found)
    return near if abs(found - near) < 1e-6 and abs(near) < MOST_CENTS else None


def currency_of(text: str) -> str | None:
    """The currency of which an amount bears the code or a mark that no other has; None where it bears none."""
    if found := re.search("(?<![A-Z])[A-Z]{3}(?![A-Z$])", text):
        return found[0]
    signs = {mark: code for code, marks in _MARKS.items() for mark in marks if not mark.startswith("kr")}
    beside = re.sub(f"[0-9.,+()\\-{_QUOTES}{_BLANKS}{MINUS}]", "", text) or None
    return None if beside is None else signs.get(beside) or signs.get(f"{beside}.")
