"""What redaction takes out and what it leaves."""

import re
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fraudstack.llm.redact import redacted
from fraudstack.texts import normalised

_ZEROS = (0x30, 0xFF10, 0x660, 0x966, 0x1D7CE)
_SEPARATORS = (
    *(
        " ",
        "-",
        ".",
        "",
        "  ",
        " - ",
        "/",
        "_",
        ",",
        "|",
        "*",
        "....",
        "\n",
        "\t",
        "\x00",
        "\u00a0",
        "\u2009",
        "\u3000",
    ),
    *(
        "\u2011",
        "\u2013",
        "\u2212",
        "\u00b7",
        "\u2022",
        "\u200b",
        "\u200d",
        "\u00ad",
        "\u202e",
        "\ufe0f\u20e3",
        "\u0301",
    ),
)

once = settings(derandomize=True, deadline=None, database=None, max_examples=300)


def check_digit(digits: str) -> str:
    """Luhn's, worked out in another way than the code does."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        total += sum(divmod(int(digit) * 2, 10)) if place % 2 == 0 else int(digit)
    return str(-total % 10)


def check_digits(country: str, account: str) -> str:
    """ISO 13616's, likewise."""
    figures = "".join(str(int(sign, 36)) for sign in account + country + "00")
    return f"{98 - int(figures) % 97:02}"


cards = st.text("0123456789", min_size=12, max_size=18).map(lambda digits: digits + check_digit(digits))
words = st.text(st.characters(categories=("L", "Zs", "Po")), max_size=30)


@st.composite
def grouped(draw: st.DrawFn, numbers: st.SearchStrategy[str]) -> tuple[str, str]:
    """A number, and the number as somebody wrote it."""
    number = draw(numbers)
    zero = draw(st.sampled_from(_ZEROS))
    written = ""
    for sign in number:
        written += chr(zero + int(sign)) if sign.isdigit() else sign
        written += draw(st.sampled_from(_SEPARATORS)) if draw(st.booleans()) else ""
    return number, written


@st.composite
def accounts(draw: st.DrawFn) -> str:
    country = draw(st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=2, max_size=2))
    digits = draw(st.text("0123456789", min_size=12, max_size=24))
    letters = draw(st.text("ABCXYZ", max_size=4))
    return country + check_digits(country, letters + digits) + letters + digits


@once
@given(grouped(cards), words, words)
def test_a_card_number_disappears_however_it_is_written(card: tuple[str, str], before: str, after: str) -> None:
    number, written = card
    left = redacted(f"{before}x{written}x{after}")
    # Two letters before it may make an IBAN of it.
    assert "[card]" in left or "[iban]" in left
    assert number not in re.sub("[^0-9]", "", left)
    # Only what made a number by itself may stand: no part of this one does.
    assert not re.search("[0-9]", redacted(f"x{written}x"))


@once
@given(grouped(cards), st.text("0123456789 -", max_size=25), st.text("0123456789 -", max_size=25))
def test_a_card_number_disappears_among_other_figures(card: tuple[str, str], before: str, after: str) -> None:
    number, written = card
    left = redacted(before + written + after)
    for run in re.split(r"\[[a-z]+\]", left):
        assert number not in re.sub("[^0-9]", "", run)


@once
@given(grouped(accounts()), words, words)
def test_an_account_disappears_however_it_is_written(account: tuple[str, str], before: str, after: str) -> None:
    number, written = account
    left = redacted(f"{before} {written} {after}").replace("[iban]", "|")
    assert "|" in left
    assert number not in re.sub("[^A-Z0-9|]", "", left.upper())


@once
@given(
    st.text("abcxyz0189._%+-", min_size=1, max_size=30),
    st.sampled_from(["@", "\uff20", " @ ", "(at)", " [AT] ", "\u200b@"]),
    st.lists(st.text("abcxyz019-", min_size=1, max_size=12), min_size=1, max_size=4),
    st.sampled_from([".", "\uff0e", "\u3002", " (dot) ", "[DOT]"]),
    words,
)
def test_an_address_disappears(local: str, at: str, labels: list[str], dot: str, before: str) -> None:
    left = redacted(f"{before} {local}{at}{dot.join([*labels, 'com'])}")
    assert "[email]" in left
    assert not left.endswith("com")


@once
@given(st.text("123456789", min_size=8, max_size=15), st.data(), words, words)
def test_an_international_phone_number_disappears(number: str, data: st.DataObject, before: str, after: str) -> None:
    gaps = st.sampled_from(["", "", " ", "-", ".", "/", " (", ") ", "\u00a0", "\u2011", "\u200b"])
    written = "".join(digit + data.draw(gaps) for digit in number)
    left = redacted(f"{before} +{written} x{after}")
    assert not re.search("[0-9]", left)


@once
@given(st.text(st.characters(exclude_categories=("Nd", "Nl", "No", "Cs"), exclude_characters="@"), max_size=200))
@example("meet me at (at) noon. Bring cake")
@example("no \u00bd, \u2460 or \u3251 and \ufdfa")
def test_a_text_without_digits_and_addresses_is_only_normalised(text: str) -> None:
    if not re.search(r"[0-9@]|[(\[{] ?at ?[)\]}]", normalised(text), re.IGNORECASE):
        assert redacted(text) == normalised(text)


@once
@given(st.text(max_size=200))
@example("\ud800 half")
@example("e\u200d\u0301 \u3164 \u00a8")
def test_normalised_text_is_plain_and_stays_as_it_is(text: str) -> None:
    plain = normalised(text)
    assert normalised(plain) == plain
    assert plain.isprintable()
    assert not re.search(r"\s\s|[^\S ]|^\s|\s$", plain)
    assert not any(sign.isdecimal() and not sign.isascii() for sign in plain)
    assert not any(unicodedata.category(sign)[0] == "C" for sign in plain)


def test_what_shows_nothing_goes() -> None:
    hidden = "\u034f\u115f\u1160\u17b4\u180e\u2800\u3164\ufe0f\uffa0\U000e01ef\u200b\u2060\u00ad\U000e0041\x00"
    assert normalised("a" + "b".join(hidden) + "c") == "a" + "b" * (len(hidden) - 1) + "c"


@once
@given(st.text(max_size=300), st.lists(st.text(max_size=12), max_size=4))
def test_any_text_can_be_redacted(text: str, names: list[str]) -> None:
    redacted(text, names)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("card 4111 1111 1111 1111.", "card [card]."),
        ("number 1234567890123.", "number 1234567890123."),
        ("pay  4111111111111111", "pay [card]"),
        ("no 12 coffee 3456 cake 7890 milk", "no 12 coffee 3456 cake 7890 milk"),
        ("IBANDE89370400440532013000etc", "IBAN[iban]etc"),
        ("two: 4111111111111111, x 5555-5555-5555-4444", "two: [card], x [card]"),
        ("to DE89 3704 0044 0532 0130 00 please", "to [iban] please"),
        ("GB82WEST12345698765432", "[iban]"),
        ("NL91 abna 0417 1643 00", "[iban]"),
        ("GB82WEST12345698765433", "GB82WEST12345698765433"),
        ("ask a.b+c@mail.example.co.uk.", "ask [email]."),
        ("ask a.b (at) example (dot) org", "ask [email]"),
        ("ask \u0438\u0432\u0430\u043d@\u043f\u043e\u0447\u0442\u0430.\u0440\u0444", "ask [email]"),
        ("3 apples @ 5.00 each", "3 apples @ 5.00 each"),
        ("lunch @ noon", "lunch @ noon"),
        ("call +1 (555) 867-5309 now", "call [phone] now"),
        ("030 1234567 or 0171/1234567", "[phone] or [phone]"),
        ("555-867-5309", "[phone]"),
        ("06.12.34.56.78 on 06.12.34", "[phone] on 06.12.34"),
        ("612 345 678", "[phone]"),
        ("+34 612 345 678 and +34 698 765 432", "[phone] and [phone]"),
        ("tel. 86 75 30 9", "tel. [phone]"),
        ("rent 01/03/2026, 950.00 EUR", "rent 01/03/2026, 950.00 EUR"),
        ("order 12345678 of 2026-03-01 12:30", "order 12345678 of 2026-03-01 12:30"),
        ("12 x 4.99 = 59.88", "12 x 4.99 = 59.88"),
        ("1,234,567.89 USD", "1,234,567.89 USD"),
        ("", ""),
    ],
)
def test_examples(text: str, left: str) -> None:
    assert redacted(text) == left


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Anna Müller paid", "[name] paid"),
        ("ANNA  MULLER paid", "[name] paid"),
        ("anna.muller paid", "[name] paid"),
        ("Ann\u00e4 Mu\u0308ller paid", "[name] paid"),
        ("Anna Müllers Haus", "Anna Müllers Haus"),
        ("Hanna Müller", "Hanna Müller"),
        ("Anna went, Müller stayed", "Anna went, Müller stayed"),
        ("STRASSE and straße", "[name] and [name]"),
        ("Oresund, Lodz", "[name], [name]"),
        ("for O\u2019Neil's", "for [name]'s"),
        ("card of [name] is no name", "card of [name] is no name"),
    ],
)
def test_names(text: str, left: str) -> None:
    names = ["Anna Müller", "Straße", "Øresund", "Łódź", "O'Neil", "", " - "]
    assert redacted(text, names) == left


def test_the_longer_of_two_names_goes_as_a_whole() -> None:
    assert redacted("Anna Maria Li was here", ["Anna", "Anna Maria Li", "Maria"]) == "[name] was here"
