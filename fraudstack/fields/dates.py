"""Times as files and callers write them: YYYY-MM-DD HH:MM, with seconds, fractions and a zone or without; in UTC."""

import re
from datetime import UTC, datetime, timedelta

# No card was used before, and a clock may run ahead by as much.
FIRST = datetime(1970, 1, 1)
AHEAD = timedelta(days=1)

_DAY, _TIME = "[0-9]{4}-[0-9]{2}-[0-9]{2}", "(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9])?"
PLAIN = f"{_DAY} {_TIME}"
# Day, time, and of the zone sign, hours and minutes; a fraction of a second is cut off.
PATTERN = rf"({_DAY})[Tt ]({_TIME})(?:[.,][0-9]{{1,9}})? ?(?:[Zz]|([+-])(0[0-9]|1[0-4])(?::?([0-5][0-9]))?)?"
_COMPILED = re.compile(PATTERN)


def this_second() -> datetime:
    """The moment as the store's times are: UTC, naive, whole seconds."""
    return datetime.now(UTC).replace(tzinfo=None, microsecond=0)


def read(text: str) -> datetime | None:
    """A time in UTC, naive, to the second; None where there is none in the text, or no such day."""
    found = _COMPILED.fullmatch(text)
    if found is None:
        return None
    day, time, sign, hours, minutes = found.groups()
    try:
        date = datetime.fromisoformat(f"{day} {time}")
        if sign is None:
            return date
        offset = timedelta(hours=int(hours), minutes=int(minutes or 0))
        return date + offset if sign == "-" else date - offset
    except (ValueError, OverflowError):
        return None
