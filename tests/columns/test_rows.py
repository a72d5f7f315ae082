"""A row of somebody's file as the contract's columns have it."""

import pytest
from pydantic import SecretStr

from fraudstack.columns.rows import read
from fraudstack.columns.tokens import key_of, masked
from tests.columns.made import KEY, mapping

ROW = {"when": "2024-03-01 08:15", "who": "301.0", "much": "$38.82", "a": "", "b": ""}


@pytest.mark.parametrize(
    ("said", "text", "date"),
    [
        ("When", "2024-03-01T08:15:00.123Z", "2024-03-01 08:15:00"),
        ("{from: When, zone: Europe/Berlin}", "2024-03-01 08:15", "2024-03-01 07:15:00"),
        ("{from: When, zone: Europe/Berlin}", "2024-03-01 08:15Z", "2024-03-01 08:15:00"),
        ("{from: When, format: '%d.%m.%Y'}", "1.3.2024", "2024-03-01 00:00:00"),
        ("{from: When, format: '%d.%m.%Y'}", "30.02.2024", None),
        ("{from: When, format: '%d.%m.%Y'}", "2024-03-01 08:15", None),
        ("{from: When, format: '%Y %m %d %H:%M'}", "2024  3 1 8:15", "2024-03-01 08:15:00"),
        ("{from: When, format: '%Y%m%d%H%M%S'}", "20240301081501", "2024-03-01 08:15:01"),
        ("{from: When, format: '%Y%m%d'}", "2024113", None),
        ("{from: When, format: '%d%b%y %I:%M %p'}", "01MAR24 12:05 a.m.", "2024-03-01 00:05:00"),
        ("{from: When, format: '%d%b%y %I:%M %p'}", "01mar69 11:05 PM", "1969-03-01 23:05:00"),
        ("{from: When, format: '%B %d, %Y %H:%M:%S.%f'}", "September 5, 2024 01:02:03.45", "2024-09-05 01:02:03"),
        ("{from: When, format: '%d.%m.%Y %H:%M', zone: Europe/Berlin}", "31.03.2024 02:30", "2024-03-31 01:30:00"),
        ("{from: When, format: '%d.%m.%Y %H:%M', zone: Europe/Berlin}", "27.10.2024 02:30", "2024-10-27 00:30:00"),
        ("{from: When, unix: s}", "1709280900.0", "2024-03-01 08:15:00"),
        ("{from: When, unix: ms}", "1709280900999", "2024-03-01 08:15:00"),
        ("{from: When, unix: s}", "2024", "1970-01-01 00:33:44"),
        ("{from: When, unix: s}", "yesterday", None),
    ],
)
def test_dates(said: str, text: str, date: str | None) -> None:
    row = ROW | {"when": text}
    if date is None:
        with pytest.raises(ValueError, match=r"^bad date$"):
            read(mapping(date=said), row, "USD")
    else:
        assert read(mapping(date=said), row, "USD")["date"] == date


@pytest.mark.parametrize(
    ("said", "text", "sign", "amount"),
    [
        ("{from: Much, unit: cents}", "3882", "", "38.82"),
        ("{from: Much, unit: cents}", "-7", "", "-0.07"),
        ("{from: Much, unit: cents}", "38.82", "", None),
        ("{from: Much, unit: cents, sign: {from: A, minus: [H, D]}}", "3882", "H", "-38.82"),
        ("{from: Much, unit: cents, sign: {from: A, minus: H}}", "3882", "S", "38.82"),
        ("{from: Much, sign: {from: A, minus: H}}", "-38.82", "H", None),
        ("{from: Much, decimal: ','}", "1.234,50", "", "1234.50"),
        ("{from: Much, decimal: ','}", "47.890", "", "47890.00"),
        ("{from: Much, decimal: '.'}", "47.890", "", "47.89"),
        ("Much", "47.890", "", None),
        ("Much", "", "", None),
    ],
)
def test_amounts(said: str, text: str, sign: str, amount: str | None) -> None:
    row = ROW | {"much": text, "a": sign}
    if amount is None:
        with pytest.raises(ValueError, match=r"^bad amount$"):
            read(mapping(amount=said), row, "USD")
    else:
        assert read(mapping(amount=said), row, "USD")["amount"] == amount


def test_values_are_texts_and_what_none_names_is_refused() -> None:
    channel = mapping(use_chip="{from: A, values: {Yes: Chip Transaction, No: Online Transaction, x: ''}}")
    assert read(channel, ROW | {"a": " No "}, "USD")["use_chip"] == "Online Transaction"
    assert "use_chip" not in read(channel, ROW | {"a": "x"}, "USD")
    assert "use_chip" not in read(channel, ROW | {"a": "NULL"}, "USD")
    with pytest.raises(ValueError, match=r"^unknown use_chip$"):
        read(channel, ROW | {"a": "Magnet"}, "USD")


def test_labels() -> None:
    plain, named = mapping(is_fraud="A"), mapping(is_fraud="{from: A, values: {ja: true, nein: false, offen: ''}}")
    said = [(text, read(plain, ROW | {"a": text}, "USD").get("is_fraud")) for text in ("YES", "0", "True", "nan", "")]
    assert said == [("YES", "Yes"), ("0", "No"), ("True", "Yes"), ("nan", None), ("", None)]
    said = [(text, read(named, ROW | {"a": text}, "USD").get("is_fraud")) for text in ("ja", "nein", "offen")]
    assert said == [("ja", "Yes"), ("nein", "No"), ("offen", None)]
    for label, text in ((plain, "2"), (named, "yes")):
        with pytest.raises(ValueError, match=r"^bad is_fraud$"):
            read(label, ROW | {"a": text}, "USD")


def test_what_is_joined_and_what_is_the_same_in_every_row() -> None:
    joined = mapping(card_id="[Who, B]", merchant_city="[A, B]", merchant_state="{value: ND}")
    found = read(joined, ROW | {"b": "0"}, "USD")
    assert (found["card_id"], found["merchant_city"], found["merchant_state"]) == ("301.0 0", "0", "ND")


def test_a_token_stands_for_a_number_however_it_is_grouped() -> None:
    tokened = mapping(card_id="{from: A, token: true}")
    numbers = ("9999 0000-1110 2107", "9999000011102107", "9999000011102107.0")
    tokens = {read(tokened, ROW | {"a": number}, "USD")["card_id"] for number in numbers}
    assert tokens == {key_of(KEY).token("9999000011102107")}
    assert tokens.pop().startswith("k2-")
    older = mapping(SecretStr("1:an-older-secret-of-theirs"), card_id="{from: A, token: true}")
    assert read(older, ROW | {"a": numbers[0]}, "USD")["card_id"].startswith("k1-")
    assert "card_id" not in read(tokened, ROW | {"a": "-"}, "USD")
    # A spreadsheet took its last digits.
    with pytest.raises(ValueError, match=r"^bad card_id$"):
        read(tokened, ROW | {"a": "9.99900001110E+15"}, "USD")


def test_a_digest_is_an_id() -> None:
    found = [read(mapping(id="{from: A, digest: true}"), ROW | {"a": text}, "USD")["id"] for text in ("x1", "x1", "x2")]
    assert found[0] == found[1] != found[2]
    assert 2**62 <= int(found[0]) < 2**62 + 2**60


def test_a_refused_line_hides_what_would_be_a_token() -> None:
    header, hidden = ["who", "pan", "note"], {"pan"}
    assert masked("7,12345,a", ",", header, hidden) == "7,[hidden],a"
    assert masked("7,12345,PAN 9999 0000-1110-2107", ",", header, hidden) == "7,[hidden],PAN [hidden]"
    assert masked("7,123456", ",", header, hidden) == "7,[hidden]"
    assert "123456" not in masked('7,"123456,a', ",", header, hidden)
