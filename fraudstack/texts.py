"""Texts as people and terminals write them: what is kept to be shown, and what of it counts when two are compared."""

import re
import unicodedata
from functools import lru_cache

from fraudstack import card_numbers

# They show nothing, though their category doesn't say so: fillers, variation selectors, the empty Braille cell.
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
# Control characters but for line breaks and tabs, and what else ends a line; halves of surrogates.
_CONTROL = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_LINES = re.compile("[\t\n\r]+")
_FLOAT = re.compile(r"(?<=[0-9])\.0+\Z")
_REPLACED = "\ufffd"
_MANY = 1 << 16
# Characters of a description.
LONGEST_DESCRIPTION = 2_000


def normalised(text: str) -> str:
    """The text in NFKC on one line, with single blanks, every decimal digit as 0-9, and nothing invisible in it."""
    text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
    text = "".join(character if " " <= character <= "~" else _plain(character) for character in text)
    return unicodedata.normalize("NFKC", " ".join(text.split()))


def _plain(character: str) -> str:
    if character.isspace():
        return " "
    # Control and format characters, halves of surrogates, private and unassigned ones.
    if unicodedata.category(character).startswith("C"):
        return ""
    digit = unicodedata.digit(character, None)
    return character if digit is None else str(digit)


def shows(text: str) -> bool:
    """Whether anything of a text can be seen."""
    return bool(text.strip(" ") if text.isascii() else normalised(text))


def kept(text: str, most: int, *, lines: bool = False) -> str | None:
    """A text as it is stored: at most so many characters, card numbers masked, None where it shows nothing.

    What no terminal means and no database takes becomes U+FFFD, line breaks and tabs a blank unless `lines` may stand.
    Soft hyphens, joiners, emoji stay: they are somebody's spelling.
    """
    text = card_numbers.masked(text)
    if not (text.isascii() and text.isprintable()):
        text = _CONTROL.sub(_REPLACED, text if lines else _LINES.sub(" ", text))
        if not normalised(text).strip(_REPLACED):
            return None
    text = text if lines else text.strip(" ")
    return (text if len(text) <= most else f"{text[: most - 1]}…") or None


@lru_cache(_MANY)
def compared(text: str) -> str:
    """What of a name counts when two are compared: `normalised`, without emoji; in capitals or not is one.

    A name in capitals alone, or in none, is taken for one that begins its words with them.
    """
    plain = normalised(text)
    if not plain.isascii():
        bare = "".join(sign for sign in plain if sign.isascii() or unicodedata.category(sign) not in ("So", "Sk"))
        plain = " ".join(bare.split()) or plain
    return plain.title() if plain.isupper() or plain.islower() else plain


def identifier(value: str) -> str:
    """An id without what can't be seen, its digits as 0-9."""
    return value if value.isascii() and value.isprintable() else normalised(value) or value


def same_id(value: str) -> str:
    """What of an id counts where a list of ids is asked: files and people write 00123 and 123.0 for 123."""
    plain = _FLOAT.sub("", identifier(value).strip())
    return plain.lstrip("0") or "0" if plain.isdecimal() else plain


def shown(text: str, most: int = 60) -> str:
    """Somebody's text within a sentence or on a terminal: one line, cut, nothing in it but what can be seen."""
    plain = normalised(card_numbers.masked(text))
    return plain if len(plain) <= most else f"{plain[: most - 1]}…"
