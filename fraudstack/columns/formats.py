"""Times as a format says that they are written (%d.%m.%Y %H:%M), by steps that Python and Spark take alike."""

import re
from collections.abc import Iterator
from datetime import datetime
from functools import cache

from fraudstack.fields.rewriting import Step, rewritten

# A number beside another one has all its digits.
_NUMBERS = {
    "d": ("0?[1-9]|[12][0-9]|3[01]", "0[1-9]|[12][0-9]|3[01]"),
    "m": ("0?[1-9]|1[0-2]", "0[1-9]|1[0-2]"),
    "Y": ("[0-9]{4}", "[0-9]{4}"),
    "y": ("[0-9]{2}", "[0-9]{2}"),
    "H": ("[01]?[0-9]|2[0-3]", "[01][0-9]|2[0-3]"),
    "I": ("0?[1-9]|1[0-2]", "0[1-9]|1[0-2]"),
    "M": ("[0-5]?[0-9]", "[0-5][0-9]"),
    "S": ("[0-5]?[0-9]", "[0-5][0-9]"),
    "f": ("[0-9]{1,9}", "[0-9]{1,9}"),
}
_MONTHS = (
    "jan(?:uary)?", "feb(?:ruary)?", "mar(?:ch)?", "apr(?:il)?", "may", "june?", "july?", "aug(?:ust)?",
    "sept?(?:ember)?", "oct(?:ober)?", "nov(?:ember)?", "dec(?:ember)?",
)  # fmt: skip
_PARTS = (*_NUMBERS, "b", "B", "p")
# Of these parts each time has one; `f` is read and cut off.
_ALIKE = {"y": "Y", "I": "H", "b": "m", "B": "m"}
# What the steps make of a text: YYYY-M-D H:M:S, which Spark casts.
_FORM = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2}) ([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})")


def read(text: str, format: str) -> datetime | None:
    """The time that a text says in a format, without its fractions and without a zone; None where it says none."""
    found = _FORM.fullmatch(rewritten(text, steps(format)))
    try:
        return datetime(*map(int, found.groups())) if found else None  # type: ignore[arg-type]
    except ValueError:
        return None


@cache
def steps(format: str) -> tuple[Step, ...]:
    """How a text becomes YYYY-M-D H:M:S; others become something that is no time. Raises ValueError as it says."""
    parts = list(_parts(format))
    named = [part[1] for part in parts if part[0] == "%" and part != "%%"]
    _check(named, format)
    pattern, place, order = "", 0, {}
    for at, part in enumerate(parts):
        beside = {*parts[max(0, at - 1) : at], *parts[at + 1 : at + 2]}
        if part[0] != "%" or part == "%%":
            pattern += " +" if part == " " else re.escape(part[0])
            continue
        if part[1] == "f":
            pattern += _NUMBERS["f"][0]
            continue
        place += 1
        order[_ALIKE.get(part[1], part[1])] = f"${place}"
        if part[1] == "p":
            pattern += r"(?:([AaPp])\.?[Mm]\.?)"
        elif part[1] in "bB":
            pattern += r"([A-Za-z]{3,9})\.?"
        else:
            pattern += f"({_NUMBERS[part[1]][any(other[0] == '%' and other[1] in _NUMBERS for other in beside)]})"
    to = f"{order['Y']}-{order['m']}-{order['d']} {order.get('H', '0')}:{order.get('M', '0')}:{order.get('S', '0')}"
    # What doesn't match loses everything but the signs between.
    return (
        Step(f"(?s:{pattern}|.*)", to + (f" {order['p']}" if "p" in order else "")),
        *(_years() if "y" in named else ()),
        *(_months() if {"b", "B"} & set(named) else ()),
        *(_afternoons() if "p" in named else ()),
    )


def _parts(format: str) -> Iterator[str]:
    """%d and the like, and the single signs between; runs of blanks are one."""
    for found in re.finditer(r"%.?| +|.", format.strip(" "), re.DOTALL):
        part = found.group()
        if part[0] == "%" and part != "%%" and part[1:] not in _PARTS:
            raise ValueError(
                f"{part} isn't understood in a format; there are {' '.join(f'%{name}' for name in _PARTS)}"
            )
        yield " " if part[0] == " " else part


def _check(named: list[str], format: str) -> None:
    alike = [_ALIKE.get(name, name) for name in named]
    if twice := next((name for name in named if alike.count(_ALIKE.get(name, name)) > 1), None):
        raise ValueError(f"what %{twice} says stands twice in the format {format[:60]!r}")
    missing = [name for name in ("d", "m", "Y") if name not in alike]
    if missing:
        raise ValueError(f"the format {format[:60]!r} lacks {' '.join(f'%{name}' for name in missing)}")
    if ("I" in named) != ("p" in named):
        raise ValueError("%I, hours to 12, and %p, AM or PM, go together")
    for name, needs in (("M", "H"), ("S", "M"), ("f", "S")):
        if name in alike and needs not in alike:
            raise ValueError(f"a format with %{name} has %{needs} too")


def _years() -> Iterator[Step]:
    """As POSIX has it: 69 to 99 are of the last century."""
    yield Step("([0-5][0-9]|6[0-8])(-.*)", "20$1$2")
    yield Step("(69|[7-9][0-9])(-.*)", "19$1$2")


def _months() -> Iterator[Step]:
    for number, month in enumerate(_MONTHS, 1):
        yield Step(f"([0-9]+-)(?i:{month})(-.*)", f"$1{number}$2")


def _afternoons() -> Iterator[Step]:
    yield Step("([^ ]+ )12(:[^ ]+) [Aa]", "$10$2")
    for hour in range(1, 12):
        yield Step(f"([^ ]+ )0?{hour}(:[^ ]+) [Pp]", f"$1{hour + 12}$2")
    yield Step("([^ ]+ [^ ]+) [AaPp]", "$1")
