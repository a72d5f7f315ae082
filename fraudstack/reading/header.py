"""Whether a header names the columns of transactions, and if not, why it probably doesn't."""

import re

from fraudstack.errors import InputError
from fraudstack.reading.text import Start
from fraudstack.schema import NEEDED, RAW

_FIGURE = re.compile(r'"?[$€£+-]*[0-9][0-9 .,:/TZ+-]*"?')


def names_of(start: Start, file: str) -> list[str]:
    """The names of a header, trimmed and in small letters; raises InputError where one of NEEDED isn't there."""
    names = start.names
    missing = [name for name in NEEDED if name not in names]
    if not missing:
        return names
    if any(_FIGURE.fullmatch(name) for name in names):
        raise InputError(
            f"{file} has no header, its first line is {_shown(start)}: put a line above it that names the columns, "
            f"{','.join(RAW)} if it has them in this order"
        )
    if sum(name in names for name in RAW) >= len(RAW) // 2:
        raise InputError(f"{file} has no column {', '.join(missing)}; its header is {_shown(start)}")
    raise InputError(
        f"{file} has other columns than transactions here, its header is {_shown(start)}: "
        f"`fraudstack columns FILE` proposes how to read it, `--columns` does so"
    )


def _shown(start: Start) -> str:
    return repr(start.header if len(start.header) <= 200 else f"{start.header[:200]}…")
