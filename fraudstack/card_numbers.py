"""Card numbers: told by Luhn's check, masked in texts, refused as ids."""

import re
import unicodedata
from collections.abc import Iterator

MASK = "[card]"
# Of ISO/IEC 7812: the first digits and the lengths that Visa, Mastercard, American Express, Diners Club, JCB, Discover,
# UnionPay, Maestro, Mir, RuPay and Troy issue. Spark's regular expressions read it too.
ISSUED = (
    r"(?:4(?:[0-9]{12}|[0-9]{15}|[0-9]{17,18})"
    r"|(?:5[1-5][0-9]{2}|222[1-9]|22[3-9][0-9]|2[3-6][0-9]{2}|27[01][0-9]|2720|9792)[0-9]{12}"
    r"|3[47][0-9]{13}|3(?:0[0-59]|[689][0-9])[0-9]{11,16}|35(?:2[89]|[3-8][0-9])[0-9]{12,15}"
    r"|(?:6[0245]|8[12])[0-9]{14,17}|220[0-4][0-9]{12,15}|(?:5[06-8]|6[37])[0-9]{11,17})"
)
SHORTEST, LONGEST = 13, 19
_ISSUED = re.compile(ISSUED)
_FIGURES = re.compile(r"[0-9](?:[^A-Za-z,;\t\n\r]{0,3}[0-9]){12}")
_MOST_BETWEEN = 3
# What a number's groups are parted by, in any mixture; another sign must be the same throughout.
_BLANKS = re.compile(r"[\s\-_\u2010-\u2015\u2043\u2212\ufe58\ufe63\uff0d]+")
# These part numbers from one another.
_PARTS = frozenset(",;\t\n\r")

REFUSAL = "this is a card number: send a token that stands for it, never the number"


def in_id(value: str) -> bool:
    """Whether an id is, or holds, a card number, however it is grouped."""
    return masked(value) != value


def masked(text: str) -> str:
    """The text with [card] for every card number in it.

    That is 13 to 19 digits, of whatever alphabet, that an issuer gives and that pass Luhn's check; they may stand in
    groups, with blanks, dashes, one other sign or what can't be seen in between. What passes: a number with letters in
    between, in words, or run together with other digits.
    """
    if len(text) < SHORTEST or (text.isascii() and not _FIGURES.search(text)):
        return text
    spans = sorted(_spans(text))
    for start, end in reversed(_joined(spans)):
        text = f"{text[:start]}{MASK}{text[end:]}"
    return text


def masked_line(line: str) -> str:
    """A line of a raw file, with each of its fields masked."""
    return "".join(masked(part) for part in re.split(r"([,;\t|])", line))


def runs(skeleton: str) -> Iterator[tuple[int, int]]:
    """First and last place of every run of 13 to 19 digits that passes Luhn's check; they may overlap."""
    for run in re.finditer("[0-9]{13,}", skeleton):
        # What the first n digits add up to, when those at even (odd) places are the ones that aren't doubled.
        even, odd = [0], [0]
        for place, digit in enumerate(map(int, run.group())):
            doubled = digit * 2 - 9 * (digit > 4)
            even.append(even[-1] + (doubled if place % 2 else digit))
            odd.append(odd[-1] + (digit if place % 2 else doubled))
        for end in range(SHORTEST, len(even)):
            total = odd if (end - 1) % 2 else even
            for length in range(SHORTEST, min(LONGEST, end) + 1):
                if (total[end] - total[end - length]) % 10 == 0:
                    yield run.start() + end - length, run.start() + end - 1


def _spans(text: str) -> Iterator[tuple[int, int]]:
    """Where card numbers begin and end; they may overlap."""
    for digits in _figures(text):
        number = "".join(digit for _, digit, _ in digits)
        for first, last in runs(number):
            # A number begins and ends where figures do: the middle of a longer one is another's.
            begins, ends = first == 0 or digits[first][2], last + 1 == len(digits) or digits[last + 1][2]
            gaps = {gap for _, _, gap in digits[first + 1 : last + 1] if gap}
            alike = len(gaps) <= 1 or all(map(_BLANKS.fullmatch, gaps))
            if begins and ends and alike and _ISSUED.fullmatch(number[first : last + 1]):
                yield digits[first][0], digits[last][0] + 1


def _figures(text: str) -> Iterator[list[tuple[int, str, str]]]:
    """Runs of digits with no more than a few signs in between: of each its place, itself and the signs before it."""
    found: list[tuple[int, str, str]] = []
    gap = ""
    for place, sign in enumerate(text):
        digit = unicodedata.digit(sign, None)
        if digit is not None:
            found.append((place, str(digit), gap))
            gap = ""
        elif sign.isalpha() or sign in _PARTS or len(gap) >= _MOST_BETWEEN:
            if found:
                yield found
            found, gap = [], ""
        elif unicodedata.category(sign)[0] not in "CM" and found:
            gap += sign
    if found:
        yield found


def _joined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans, in order, of which none overlap."""
    found: list[tuple[int, int]] = []
    for start, end in spans:
        if found and start < found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return found
