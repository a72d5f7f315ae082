"""Ids of rows whose file has none: 60 bits of a digest of what a row says, the same for the same row."""

import hashlib
from collections.abc import Iterable

from fraudstack.fields.ids import FIRST_MADE

# Hexadecimal digits of SHA-256: 60 bits.
DIGITS = 15
# What of a row its id is made of, in this order: date in seconds since 1970, amount in cents. Without columns of which
# tokens are kept: another key would make other ids of them.
CONTENT = (
    "date", "client_id", "card_id", "cents", "use_chip", "merchant_id", "merchant_city", "merchant_state", "zip",
    "mcc", "description", "errors",
)  # fmt: skip


def of_text(text: str) -> int:
    """The id that is made of a text."""
    return FIRST_MADE + int(hashlib.sha256(text.encode()).hexdigest()[:DIGITS], 16)


def of_row(values: Iterable[str | int | None]) -> int:
    """The id of a row, by its values in the order of CONTENT."""
    texts = ["" if value is None else str(value) for value in values]
    return of_text("".join(f"{len(text)}:{text}" for text in texts))


def of_another(id: int, number: int) -> int:
    """The id of a row like `number` rows before it in its file, of which the first has this id."""
    return of_text(f"{id}:{number}") if number else id
