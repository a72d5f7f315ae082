"""Ids as they are compared: text, and numbers as programs save them."""

from fraudstack.fields.rewriting import matches

# As pandas writes a whole number in a column with gaps.
FLOAT = r"-?[0-9]+\.0"
# Of a transaction, of a merchant category.
NUMBER, MCC = r"[0-9]{1,18}(?:\.0)?", r"[0-9]{1,4}(?:\.0)?"
# Whole numbers up to here are one and the same as text, as integer and as floating point.
MOST_EXACT = 2**53
# From here on lie the ids that are made of what a row says, where its file has none.
FIRST_MADE = 2**62
_MADE = "[0-9]{19}"


def key(text: str) -> str:
    """The id of a client, card or merchant without blanks around it; 301.0 is 301."""
    text = text.strip(" ")
    return text[:-2] if text.endswith(".0") and matches(FLOAT, text) else text


def made(text: str) -> int | None:
    """An id that was made of a row, from a text without blanks around it; None where it is none."""
    found = int(text) if matches(_MADE, text) else 0
    return found if FIRST_MADE <= found < 2 * FIRST_MADE else None


def number(text: str, pattern: str) -> int | None:
    """A whole number of a pattern (NUMBER, MCC) without its blanks; None where it is none."""
    text = text.strip(" ")
    return int(text.removesuffix(".0")) if matches(pattern, text) else None
