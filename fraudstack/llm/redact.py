"""What must not leave the house is taken out of a text: cards, IBANs, e-mail addresses, phone numbers, names."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import groupby

from fraudstack import card_numbers
from fraudstack.texts import normalised

_Span = tuple[int, int]

# Letters that no normalisation takes apart.
_APART = str.maketrans(
    {"ł": "l", "ø": "o", "đ": "d", "ð": "d", "ħ": "h", "\u0131": "i", "ŧ": "t", "æ": "ae", "œ": "oe", "þ": "th"}
)

# "(at)" and "(dot)" are how people hide an address.
_AT = r"\s?(?:@|[(\[{]\s?at\s?[)\]}])\s?"
_DOT = r"(?:[.\u3002]|\s?[(\[{]\s?dot\s?[)\]}]\s?)"
_EMAIL = re.compile(
    rf"[^\s@,;:<>()\[\]{{}}\"|]{{1,64}}{_AT}(?:[\w-]{{1,63}}{_DOT}){{1,8}}[^\W\d_][\w-]{{1,62}}", re.IGNORECASE
)

# What may stand between two digits of a phone number.
_GAP = r"(?:[^\w,:;]|_){0,3}"
# A lookahead finds numbers that overlap, so that the second of two in a row isn't half taken.
_PHONE = re.compile(
    rf"""(?=(
      (?:\+|(?<![0-9])00) {_GAP} [1-9] (?:{_GAP}[0-9]){{6,14}}                      # international
    | (?<![0-9])
      (?! (?:19|20)?[0-9]{{2}} ([./-]) [0-9]{{2}} \2 (?:19|20)?[0-9]{{2}} (?!\2?[0-9]) )  # but no date
      (?: 0 (?:{_GAP}[0-9]){{8,11}}                                                 # with a trunk zero
        | (?:1{_GAP})? [2-9][0-9]{{2}} {_GAP} [0-9]{{3}} {_GAP} [0-9]{{4}}          # North America
        | [0-9]{{3}} ([ .-]) [0-9]{{3}} \3 [0-9]{{3}}
      ) (?![0-9])
    ))""",
    re.VERBOSE,
)
_CALLED = re.compile(
    rf"\b(?:tel|telephone|phone|call|mobile|cell|fax|whatsapp|viber|telegram|signal|sms)\b\W{{0,3}}"
    rf"(?:(?:no|nr|number)\b\W{{0,3}})?(\+?[0-9](?:{_GAP}[0-9]){{5,14}})",
    re.IGNORECASE,
)


def redacted(text: str, names: Sequence[str] = ()) -> str:
    """The text, normalised, with [card], [iban], [email], [phone] and [name] instead of what they stand for.

    Cards are 13 to 19 digits that pass Luhn's check, IBANs 15 to 34 characters that pass theirs; anything but letters
    may stand between the digits. E-mail addresses and phone numbers are told by their form, names by the list, in any
    case and with or without accents, as whole words.

    What passes all the same: a name that isn't on the list, or is misspelt, inflected, in letters that only look like
    its own, or in a script without blanks; a number in words, with letters in between or for digits (O, l), or with a
    digit wrong; an IBAN with a word other than "IBAN" stuck to its front; a phone number without +, a leading 0, the
    grouping of one or a word like "tel" before it; an e-mail address without @ or (at), or without a dot. Street
    addresses, ids and passwords aren't looked for.

    What goes though it need not: figures in a row, a date and an amount say, count as one as long as no letter comes
    between; of any that are long enough, every tenth passes Luhn's check.
    """
    text = normalised(text)
    skeleton, where = _skeleton(text)
    begins = [first == 0 or not text[first - 1].isalnum() for first in where]
    # All are looked for in the same text, and what overlaps goes as a whole; the last wins.
    found: list[tuple[str, Iterable[_Span]]] = [
        ("[name]", _names(text, names)),
        ("[phone]", (match.span(1) for form in (_PHONE, _CALLED) for match in form.finditer(text))),
        ("[email]", (match.span() for match in _EMAIL.finditer(text))),
        (card_numbers.MASK, [(where[first], where[last] + 1) for first, last in card_numbers.runs(skeleton)]),
        ("[iban]", [(where[first], where[last] + 1) for first, last in _ibans(skeleton, begins)]),
    ]
    marks = [""] * len(text)
    for label, spans in found:
        for start, end in spans:
            marks[start:end] = [label] * (end - start)
    pieces = ((label, [index for index, _ in run]) for label, run in groupby(enumerate(marks), lambda mark: mark[1]))
    return "".join(label or text[run[0] : run[-1] + 1] for label, run in pieces)


def _skeleton(text: str) -> tuple[str, list[int]]:
    """Letters and digits without what stands between them, and where they were; one outside A-Z and 0-9 is a bar."""
    where = [index for index, character in enumerate(text) if character.isalnum()]
    without_accents = (unicodedata.normalize("NFD", text[index])[0] for index in where)
    return "".join(sign.upper() if sign.isascii() else "|" for sign in without_accents), where


def _ibans(skeleton: str, begins: Sequence[bool]) -> Iterator[_Span]:
    """First and last place of every run that passes the check of ISO 13616, of whatever country."""
    for found in re.finditer("(?=[A-Z]{2}[0-9]{2})", skeleton):
        start, rest, digits = found.start(), 0, 2
        # The end of a word and the figures after it would pass too often.
        if not begins[start] and not skeleton.endswith("IBAN", 0, start):
            continue
        head = skeleton[start : start + 4]
        for end in range(start + 4, min(start + 34, len(skeleton))):
            if skeleton[end] == "|":
                break
            rest = _modulo(rest, skeleton[end])
            digits += skeleton[end].isdigit()
            length = end - start + 1
            # Every country's is at least half of digits; words that follow "no 12" aren't.
            if length >= 15 and digits * 2 >= length and _modulo(rest, head) == 1:
                yield start, end


def _modulo(rest: int, characters: str) -> int:
    for character in characters:
        value = int(character, 36)
        rest = (rest * (100 if value > 9 else 10) + value) % 97
    return rest


def _names(text: str, names: Sequence[str]) -> Iterator[_Span]:
    listed = _listed(tuple(names))
    if not listed:
        return
    bare, where = _bare(text)
    words = list(re.finditer(r"[^\W_]+", bare))
    for index, word in enumerate(words):
        for name in listed.get(word.group(), ()):
            if [follows.group() for follows in words[index : index + len(name)]] == name:
                yield where[word.start()], where[words[index + len(name) - 1].end() - 1] + 1


@lru_cache(maxsize=4)
def _listed(names: tuple[str, ...]) -> dict[str, list[list[str]]]:
    """The names' words, by the first of them."""
    listed: dict[str, list[list[str]]] = {}
    for name in names:
        if words := re.findall(r"[^\W_]+", _bare(normalised(name))[0]):
            listed.setdefault(words[0], []).append(words)
    return listed


def _bare(text: str) -> tuple[str, list[int]]:
    """The text in small letters without accents, and where each letter was."""
    bare, where = [], []
    for index, character in enumerate(text):
        for part in unicodedata.normalize("NFD", character).casefold().translate(_APART):
            if unicodedata.category(part) not in ("Mn", "Me"):
                bare.append(part)
                where.append(index)
    return "".join(bare), where
