"""A posted transaction: what every field takes, what it refuses, and when two posts say the same."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Self

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from fraudstack.decisions import submission
from fraudstack.decisions.submission import Submission

# The same examples each time, however busy the machine is.
calm = settings(deadline=None, derandomize=True)

FULL: dict[str, Any] = {
    "id": 23761875,
    "date": "2019-11-01 12:30:00",
    "client_id": "1556",
    "card_id": "2972",
    "amount": 812.4,
    "currency": "USD",
    "use_chip": "Chip Transaction",
    "merchant_id": "59935",
    "merchant_city": "Rome",
    "merchant_state": "Italy",
    "zip": "00501",
    "mcc": 5411,
    "description": "a gift",
    "errors": "Bad PIN",
}


def posted(**fields: Any) -> Submission:
    """What a body with these fields says, from JSON and from Python alike."""
    body = {"client_id": "1", "amount": 5} | fields
    said = Submission.model_validate(body)
    assert said == Submission.model_validate(json.loads(json.dumps(body)))
    return said


def refused(**fields: Any) -> str:
    """Which field a body is refused for."""
    with pytest.raises(ValidationError) as error:
        Submission.model_validate({"client_id": "1", "amount": 5} | fields)
    places = {str(found["loc"][0]) for found in error.value.errors()}
    assert len(places) == 1
    return places.pop()


# The whole


def test_a_full_post_is_taken() -> None:
    said = posted(**FULL)
    assert said.model_dump(exclude={"can_challenge", "flagged_fraud", "is_fraud"}) == FULL | {
        "amount": Decimal("812.4"),
        "date": datetime(2019, 11, 1, 12, 30),
    }


def test_client_and_amount_are_enough() -> None:
    said = Submission.model_validate({"client_id": "1", "amount": 5})
    assert {name for name, value in said if value is not None} == {"client_id", "amount", "can_challenge"}


@pytest.mark.parametrize("field", ["client_id", "amount"])
def test_client_and_amount_are_needed(field: str) -> None:
    with pytest.raises(ValidationError) as error:
        Submission.model_validate({name: value for name, value in FULL.items() if name != field})
    assert [(found["loc"], found["type"]) for found in error.value.errors()] == [((field,), "missing")]
    assert refused(**{field: None}) == field
    assert refused(**{field: ""}) == field
    assert refused(**{field: " "}) == field


@pytest.mark.parametrize("field", sorted(FULL.keys() - {"client_id", "amount"}))
@pytest.mark.parametrize("empty", [None, "", " ", "   "])
def test_an_empty_text_means_not_told(field: str, empty: str | None) -> None:
    assert getattr(posted(**FULL | {field: empty}), field) is None


@pytest.mark.parametrize("value", [1, "x", "", " ", None])
def test_unknown_fields_are_refused_even_empty(value: object) -> None:
    assert refused(surprise=value) == "surprise"


@pytest.mark.parametrize("body", [[], "x", 1, None, [["client_id", "1"]]])
def test_only_an_object_is_a_transaction(body: object) -> None:
    with pytest.raises(ValidationError):
        Submission.model_validate(body)


def test_a_transaction_does_not_change() -> None:
    with pytest.raises(ValidationError):
        posted().amount = Decimal(6)


@pytest.mark.parametrize("field", ["flagged_fraud", "is_fraud"])
@pytest.mark.parametrize("value", [None, "", 0, 1, "Yes", -7, 1.5, [1], {"a": [None]}, "x" * 10_000, "\0"])
def test_flag_and_truth_are_ignored_whatever_they_hold(field: str, value: object) -> None:
    said = posted(**FULL | {field: value})
    assert said.body_hash() == posted(**FULL).body_hash()
    assert said.event(5, datetime(2026, 1, 1)) == posted(**FULL).event(5, datetime(2026, 1, 1))


# Ids


@pytest.mark.parametrize(
    ("value", "id"),
    [
        *[(5, 5), ("5", 5), (0, 0), ("007", 7), (10**18 - 1, 10**18 - 1), ("9" * 18, 10**18 - 1)],
        # As pandas and people save them.
        *[(5.0, 5), ("5.0", 5), (" 5", 5), ("5 ", 5)],
    ],
)
def test_an_id_is_a_whole_number_as_text_or_number(value: object, id: int) -> None:
    assert posted(id=value).id == id


NO_KEYS = [5.5, float("nan"), float("inf"), 2.0**53, True, False, [], {}]
NO_IDS = [-5, "-5", "+5", -5.0, *NO_KEYS]


@pytest.mark.parametrize(
    "value",
    [*NO_IDS, 10**18, "1" * 19, 2**63, "x", "1e3", "1_0", "5\n", "0x5", "5.00", "\u0663", "\uff15"],
)
def test_other_ids_are_refused(value: object) -> None:
    assert refused(id=value) == "id"


KEYS = ["client_id", "card_id", "merchant_id"]


@pytest.mark.parametrize("field", KEYS)
@pytest.mark.parametrize(
    ("value", "key"),
    [
        (5, "5"),
        ("5", "5"),
        (0, "0"),
        ("00501", "00501"),
        ("SW1A 1AA", "SW1A 1AA"),
        ("a-1", "a-1"),
        (10**99, "1" + "0" * 99),
        ("é" * 100, "é" * 100),
        # Numbers with a sign, and as pandas saves them.
        (-5, "-5"),
        ("-727612092259916377", "-727612092259916377"),
        (5.0, "5"),
        ("301.0", "301"),
        ("-5.0", "-5"),
        ("5.00", "5.00"),
        (" 5 ", "5"),
    ],
)
def test_keys_are_texts_or_whole_numbers(field: str, value: object, key: str) -> None:
    assert getattr(posted(**{field: value}), field) == key


@pytest.mark.parametrize("field", KEYS)
@pytest.mark.parametrize("value", [*NO_KEYS, "x" * 101, 10**100, "a\n"])
def test_other_keys_are_refused(field: str, value: object) -> None:
    assert refused(**{field: value}) == field


# Amounts


@pytest.mark.parametrize(
    ("value", "cents"),
    [
        (5, 5_00),
        (5.0, 5_00),
        ("5.00", 5_00),
        ("5", 5_00),
        ("005", 5_00),
        (0, 0),
        (-0.0, 0),
        ("-0.00", 0),
        (812.4, 812_40),
        (0.29, 29),
        (1.1, 1_10),
        (4.35, 4_35),
        (1.15, 1_15),
        (-77.99, -77_99),
        ("-77.99", -77_99),
        # Nothing lies beyond the cents; files are read alike.
        ("1.2300", 1_23),
        # What can be read in one way; tests/fields has more.
        *((" 5 ", 5_00), ("+5", 5_00), ("1e3", 1000_00), ("5.", 5_00), (".5", 50), ("\u22125", -5_00), ("$5", 5_00)),
        *(("1,000", 1000_00), ("12,5", 12_50), ("5 USD", 5_00), ("(5)", -5_00), ("5-", -5_00)),
        (99_999_999.99, 99_999_999_99),
        (100_000_000, 100_000_000_00),
        ("100000000.00", 100_000_000_00),
        (-100_000_000.0, -100_000_000_00),
    ],
)
def test_an_amount_is_taken_to_the_cent(value: object, cents: int) -> None:
    said = posted(amount=value)
    assert said.cents == cents
    assert said.amount * 100 == cents


@calm
@given(st.integers(-100_000_000_00, 100_000_000_00))
def test_every_float_of_whole_cents_is_exact(cents: int) -> None:
    assert posted(amount=cents / 100).cents == cents
    assert posted(amount=str(Decimal(cents) / 100)).cents == cents


@pytest.mark.parametrize(
    "value",
    [
        # No number.
        *(True, False, [], {}, "x", "", " ", "."),
        *("NaN", "nan", "sNaN", "Infinity", "-Infinity", "inf"),
        *(float("nan"), float("inf"), float("-inf")),
        # Parts of a cent.
        *(1.234, "1.234", "0.001", 1e-5, 0.1 + 0.2, "5.005", "1e-99999"),
        # Too much.
        *(100_000_000.01, "100000000.01", 100_000_001, -100_000_001, 1e30, 10**400, "9" * 5000),
        # What Python would take and no bank means.
        *("1_000", "0x10", "\t5", "5\n", "0e99999999"),
        # Other alphabets' digits.
        *("\u0665", "\uff15"),
        # Two signs, and what can be read in two ways.
        *("--5", "-(5)", "1.230", "47.890", "-1.000"),
    ],
)  # fmt: skip
def test_other_amounts_are_refused(value: object) -> None:
    assert refused(amount=value) == "amount"


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e30", "1e400", "1.234"])
def test_numbers_of_json_that_are_no_amounts_are_refused(number: str) -> None:
    body = f'{{"client_id": "1", "amount": {number}}}'
    with pytest.raises(ValidationError, match="amount"):
        Submission.model_validate_json(body)
    with pytest.raises(ValidationError, match="amount"):
        Submission.model_validate(json.loads(body))


# Texts

TEXTS = dict.fromkeys(["use_chip", "merchant_city", "merchant_state", "zip", "errors"], 100) | {"description": 2_000}
# A state is a code or a name of a place, and is stored in its one form.
SPELT = sorted(TEXTS.keys() - {"merchant_state"})
# What shows nothing, and belongs to somebody's spelling.
HIDDEN = {
    "a zero-width blank": "\u200b",
    "a zero-width joiner": "\u200d",
    "a byte order mark": "\ufeff",
    "a soft hyphen": "\u00ad",
    "text turned round": "\u202e",
    "an isolate": "\u2067",
    "a tag": "\U000e0041",
    "a variation selector": "\ufe0f",
    "a filler": "\u3164",
}
CONTROL = {
    "a null": "\0",
    "an escape": "\x1b[31m",
    "a bell": "\a",
    "delete": "\x7f",
    "next line": "\x85",
    "a lone surrogate": "\ud800",
    "a line separator": "\u2028",
    "a paragraph separator": "\u2029",
}


@pytest.mark.parametrize("field", SPELT)
def test_a_text_that_is_too_long_is_cut(field: str) -> None:
    longest = "x" * TEXTS[field]
    assert getattr(posted(**{field: longest}), field) == longest
    assert getattr(posted(**{field: f"{longest}xy"}), field) == f"{longest[:-1]}…"
    assert getattr(posted(**{field: "🎁" * 50_000}), field) == "🎁" * (TEXTS[field] - 1) + "…"


@pytest.mark.parametrize("field", KEYS)
def test_an_id_that_is_too_long_is_none(field: str) -> None:
    assert getattr(posted(**{field: "x" * 100}), field) == "x" * 100
    assert refused(**{field: "x" * 101}) == field


@pytest.mark.parametrize("field", SPELT)
@pytest.mark.parametrize("what", HIDDEN)
def test_what_shows_nothing_is_kept_in_texts(field: str, what: str) -> None:
    for text in (f"a{HIDDEN[what]}b", f"ab{HIDDEN[what]}", f"{HIDDEN[what]}ab"):
        assert getattr(posted(**{field: text}), field) == text
    assert getattr(posted(**{field: HIDDEN[what] * 3}), field) is None
    assert getattr(posted(**{field: f" {HIDDEN[what]}\u00a0"}), field) is None


@pytest.mark.parametrize("field", SPELT)
@pytest.mark.parametrize("what", CONTROL)
def test_control_characters_are_replaced_in_texts(field: str, what: str) -> None:
    sign = CONTROL[what][0]
    assert getattr(posted(**{field: f"Zü{sign}b"}), field) == "Zü\ufffdb"
    assert getattr(posted(**{field: sign}), field) is None


@pytest.mark.parametrize("field", KEYS)
def test_what_shows_nothing_is_not_part_of_an_id(field: str) -> None:
    for sign in HIDDEN.values():
        assert getattr(posted(**{field: f"5{sign}0{sign}"}), field) == "50"
    assert getattr(posted(**{field: "\uff15\u0660"}), field) == "50"


@pytest.mark.parametrize("field", KEYS)
@pytest.mark.parametrize("what", CONTROL)
def test_an_id_with_control_characters_is_none(field: str, what: str) -> None:
    assert refused(**{field: f"5{CONTROL[what]}0"}) == field


@pytest.mark.parametrize("field", [*KEYS, *SPELT])
@pytest.mark.parametrize("text", ["Zürich", "東京", "Saint-Étienne", 'O\'Hare "1"', "<b>;--", "🎁"])
def test_other_alphabets_and_signs_are_fine(field: str, text: str) -> None:
    assert getattr(posted(**{field: text}), field) == text


@pytest.mark.parametrize("text", ["\n", "\t", "\r"])
def test_lines_and_tabs_are_for_descriptions(text: str) -> None:
    assert posted(description=f"a{text}b").description == f"a{text}b"
    for field in set(SPELT) - {"description"}:
        assert getattr(posted(**{field: f"a{text}b"}), field) == "a b"
    for field in KEYS:
        assert refused(**{field: f"a{text}b"}) == field


# Places


@pytest.mark.parametrize(
    "state",
    ["Italy", " italy ", "ITALY", "ITA", "Italia", "It\u00ada\u200bly", "\uff29\uff54\uff41\uff4c\uff59", "380"],
)
def test_a_country_is_stored_by_one_name(state: str) -> None:
    said = posted(merchant_state=state)
    assert (said.merchant_state, said.event(1, datetime(2026, 1, 1)).country) == ("Italy", "Italy")


@pytest.mark.parametrize(
    ("state", "name"),
    [
        ("Bavaria", "Bavaria"),
        ("BAVARIA", "Bavaria"),
        ("nsw", "NSW"),
        (" Île-de-France ", "Île-de-France"),
        ("IT", "IT"),
    ],
)
def test_another_place_is_stored_by_one_name_too(state: str, name: str) -> None:
    said = posted(merchant_state=state)
    assert (said.merchant_state, said.event(1, datetime(2026, 1, 1)).state) == (name, name)


@pytest.mark.parametrize(("state", "code"), [("CA", "CA"), ("ca", "CA"), (" nd", "ND"), ("US", "US")])
def test_two_letters_stay_a_state(state: str, code: str) -> None:
    said = posted(merchant_state=state)
    assert (said.merchant_state, said.event(1, datetime(2026, 1, 1)).country) == (code, "US")


def test_how_a_name_is_written_makes_no_other_place_of_it() -> None:
    def place(**told: str) -> tuple[tuple[str, str], ...]:
        return posted(merchant_id="9", **told).event(1, datetime(2026, 1, 1)).keys

    usual = place(merchant_city="Zürich", merchant_state="Switzerland", use_chip="Chip Transaction")
    written = [
        {"merchant_city": "Zu\u0308rich"},
        {"merchant_city": "ZÜRICH"},
        {"merchant_city": "  Zü\u00adrich\u00a0🎁"},
        {"merchant_state": "CHE"},
        {"merchant_state": "schweiz"},
        {"use_chip": "CHIP  TRANSACTION\u200b"},
    ]
    full = {"merchant_city": "Zürich", "merchant_state": "Switzerland", "use_chip": "Chip Transaction"}
    assert [place(**full | one) for one in written] == [usual] * len(written)


def test_a_payment_is_online_however_it_is_written() -> None:
    for way in ("online transaction", "ONLINE TRANSACTION", "Online\u00a0Transaction", "Online Trans\u00adaction"):
        said = posted(use_chip=way, merchant_state="Italy")
        assert (said.use_chip, said.event(1, datetime(2026, 1, 1)).country) == ("Online Transaction", None)


# Card numbers

CARDS = [
    "4111111111111111",
    "4111 1111 1111 1111",
    "5555-5555-5555-4444",
    "\uff13\uff17\uff18\uff12\uff18\uff12\uff12\uff14\uff16\uff13\uff11\uff10\uff10\uff10\uff15",
    "6304\u00ad0000\u200b0000\u00a00000 000",
]


@pytest.mark.parametrize("field", KEYS)
@pytest.mark.parametrize("card", [*CARDS, 4111111111111111, "PAN 4111111111111111"])
def test_a_card_number_is_no_id(field: str, card: object) -> None:
    with pytest.raises(ValidationError, match="a token that stands for it") as error:
        Submission.model_validate({"client_id": "1", "amount": 5} | {field: card})
    assert [found["loc"][0] for found in error.value.errors()] == [field]


@pytest.mark.parametrize("field", SPELT)
@pytest.mark.parametrize("card", CARDS)
def test_a_card_number_is_masked_in_texts(field: str, card: str) -> None:
    assert getattr(posted(**{field: f"for {card}, thanks"}), field) == "for [card], thanks"
    # Cut behind it or not.
    assert "41" not in str(getattr(posted(**{field: "x " * 992 + card}), field))


@pytest.mark.parametrize("id", ["1556", "100340", "1234567890123", "4111111111111112", "9" * 16, "20191101123000"])
def test_other_numbers_are_ids(id: str) -> None:
    assert posted(card_id=id, merchant_id=id, description=f"no {id}").description == f"no {id}"


@pytest.mark.parametrize("field", ["use_chip", "merchant_city", "merchant_state", "description", "errors", "currency"])
@pytest.mark.parametrize("value", [5, 5.5, True, [], {}, ["x"]])
def test_texts_are_texts(field: str, value: object) -> None:
    assert refused(**{field: value}) == field


@pytest.mark.parametrize("value", ["usd", "US", "USDD", "USD\n", " USD", "U5D", "ÄÖÜ", "\uff35\uff33\uff24"])
def test_a_currency_is_three_capitals(value: str) -> None:
    assert posted(currency="EUR").currency == "EUR"
    assert refused(currency=value) == "currency"


# Categories


@pytest.mark.parametrize(
    ("value", "mcc"),
    [(0, 0), (5411, 5411), ("5411", 5411), ("0742", 742), (9999, 9999), (" 5411 ", 5411), ("5411.0", 5411)],
)
def test_a_category_is_of_four_digits(value: object, mcc: int) -> None:
    assert posted(mcc=value).mcc == mcc


@pytest.mark.parametrize("value", [*NO_IDS, -1, 10_000, "10000", "x", "+5", "1_0", "5411.5", "0x10", "\u0665"])
def test_other_categories_are_refused(value: object) -> None:
    assert refused(mcc=value) == "mcc"


# Dates


@pytest.mark.parametrize(
    ("written", "date"),
    [
        ("2019-11-01 12:30:00", "2019-11-01 12:30:00"),
        ("2019-11-01T12:30:00", "2019-11-01 12:30:00"),
        ("2019-11-01T12:30", "2019-11-01 12:30:00"),
        ("2019-11-01T12:30:00Z", "2019-11-01 12:30:00"),
        ("2019-11-01 12:30:00+00:00", "2019-11-01 12:30:00"),
        ("2019-11-01T12:30:00+02:00", "2019-11-01 10:30:00"),
        ("2019-11-01T00:30:00+0530", "2019-10-31 19:00:00"),
        ("2019-12-31T23:30:00-01:00", "2020-01-01 00:30:00"),
        ("2020-02-29 00:00:00", "2020-02-29 00:00:00"),
        ("1970-01-01 00:00:00", "1970-01-01 00:00:00"),
        ("1969-12-31T23:00:00-01:00", "1970-01-01 00:00:00"),
        ("2019-11-01 12:30:00.999999", "2019-11-01 12:30:00"),
        ("2019-11-01T12:30:00.5Z", "2019-11-01 12:30:00"),
        ("2019-11-01T12:30:00,999999999+01:00", "2019-11-01 11:30:00"),
    ],
)
def test_a_date_is_taken_in_utc_to_the_second(written: str, date: str) -> None:
    found = posted(date=written).date
    assert found is not None
    assert (str(found), found.tzinfo) == (date, None)


@pytest.mark.parametrize(
    "value",
    [
        # Not written so.
        *("yesterday", "2019-11-01", "20191101T123000", "01.11.2019 12:30", "2019-W44-5T12:30", "2019-1-1 12:30:00"),
        *("2019-11-01 12:30:00\n", "2019-11-01_12:30:00"),
        *("2019-11-01 12:30:00\0", "2019-11-01 12:30:00\0x", "2019-11-01 12:30:00 CET"),
        *("\u0662\u0660\u0661\u0669-11-01 12:30:00", "2019-11-01 12:30:0x"),
        # No text.
        *(1_572_611_400, 1.5, True, [], {}, datetime(2019, 11, 1)),
        # No such day, hour, minute, zone.
        *("2019-02-30 00:00:00", "2019-02-29 00:00:00", "2019-13-01 00:00:00", "2019-00-10 00:00:00"),
        *("0000-01-01 00:00:00", "2019-11-01 25:00:00", "2019-11-01 12:60:00", "2019-11-01 12:30:60"),
        *("2019-11-01T12:30:00+24:00", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"),
        # Too early, too late.
        *("1969-12-31 23:59:59", "1969-12-31 23:59:59.999999", "1970-01-01T00:30:00+01:00", "0001-01-01 00:00:00"),
        *("9999-12-31 23:59:59", "9999-01-01T00:00:00Z"),
    ],
)  # fmt: skip
def test_other_dates_are_refused(value: object) -> None:
    assert refused(date=value) == "date"


class _Clock(datetime):
    @classmethod
    def now(cls, tz: Any = None) -> Self:
        return cls(2026, 3, 1, 12, 0, 0, tzinfo=tz)


def test_a_date_may_lie_a_day_ahead_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submission, "datetime", _Clock)
    assert posted(date="2026-03-02 12:00:00").date == datetime(2026, 3, 2, 12)
    assert posted(date="2026-03-02T14:00:00.9+02:00").date == datetime(2026, 3, 2, 12)
    assert refused(date="2026-03-02 12:00:01") == "date"
    assert refused(date="2026-03-02T12:00:00-00:01") == "date"


def test_ahead_is_counted_from_now() -> None:
    now = datetime.now(UTC)
    assert posted(date=(now + timedelta(hours=23)).isoformat()).date
    assert refused(date=(now + timedelta(hours=25)).isoformat()) == "date"


# As rules look at it


def test_an_event_is_what_was_posted() -> None:
    event = posted(**FULL).event(9, datetime(2026, 1, 1))
    assert (event.id, event.client_id, event.seconds, event.cents) == (9, "1556", 1_572_611_400, 812_40)
    assert (event.card, event.channel, event.merchant) == ("2972", "Chip Transaction", "59935")
    assert (event.city, event.state, event.mcc, event.errors) == ("Rome", "Italy", 5411, "Bad PIN")
    assert event.declined


def test_without_a_date_it_happens_now() -> None:
    assert posted().event(9, datetime(2019, 11, 1, 12, 30)).seconds == 1_572_611_400


@pytest.mark.parametrize("errors", [None, "", " "])
def test_without_errors_it_was_approved(errors: str | None) -> None:
    assert not posted(errors=errors).event(9, datetime(2026, 1, 1)).declined


# Two posts that say the same


@pytest.mark.parametrize(
    "again",
    [
        {"amount": 5},
        {"amount": 5.0},
        {"amount": "5.00"},
        {"amount": "5"},
        {"amount": "5.0"},
        {"client_id": 1556, "card_id": 2972, "merchant_id": 59935, "mcc": "5411"},
        {"id": "23761875"},
        {"date": "2019-11-01T12:30:00Z"},
        {"date": "2019-11-01T14:30:00.25+02:00"},
        {"is_fraud": 1, "flagged_fraud": 1},
    ],
)
def test_the_same_written_otherwise_has_the_same_hash(again: dict[str, Any]) -> None:
    assert posted(**FULL | {"amount": 5} | again).body_hash() == posted(**FULL | {"amount": 5}).body_hash()


@calm
@given(st.permutations(list(FULL.items())))
def test_the_order_of_fields_makes_no_difference(items: list[tuple[str, Any]]) -> None:
    assert Submission.model_validate(dict(items)).body_hash() == posted(**FULL).body_hash()


def test_what_is_not_told_is_the_same_as_what_is_left_out() -> None:
    empty = {name: None for name in FULL if name not in ("client_id", "amount")}
    assert posted(**empty).body_hash() == posted().body_hash() == posted(**dict.fromkeys(empty, "")).body_hash()


OTHER = {
    "date": "2019-11-01 12:30:01",
    "client_id": "1557",
    "card_id": "2973",
    "amount": 812.41,
    "use_chip": "Swipe Transaction",
    "merchant_id": "059935",
    "merchant_city": "rome",
    "merchant_state": "France",
    "zip": "502",
    "mcc": 5412,
    "description": "a gift ",
    "errors": "Bad CVV",
}


def test_any_other_field_changes_the_hash() -> None:
    assert set(OTHER) == FULL.keys() - {"id", "currency"}
    changed = [posted(**FULL | {field: value}).body_hash() for field, value in OTHER.items()]
    left_out = [posted(**FULL | {field: None}).body_hash() for field in OTHER.keys() - {"client_id", "amount"}]
    hashes = [posted(**FULL).body_hash(), *changed, *left_out]
    assert len(set(hashes)) == len(hashes)


def test_a_currency_told_or_not_is_no_difference() -> None:
    assert posted(**FULL).body_hash() == posted(**FULL | {"currency": None}).body_hash()


def test_a_value_in_another_field_is_another_post() -> None:
    pairs = [("card_id", "merchant_id"), ("merchant_city", "merchant_state"), ("description", "errors")]
    for one, other in pairs:
        assert posted(**{one: "x"}).body_hash() != posted(**{other: "x"}).body_hash()


def test_a_hash_is_the_same_tomorrow() -> None:
    assert posted(client_id="1", amount=5).body_hash() == "d3b35ab55ee7f6442bb671670fce7a58"


@pytest.mark.parametrize(
    ("given", "kept"), [(501, "00501"), ("501", "00501"), ("00501", "00501"), ("K1A 0B1", "K1A 0B1")]
)
def test_a_zip_of_digits_has_five_of_them(given: object, kept: str) -> None:
    assert posted(zip=given).zip == kept


def test_blanks_around_a_text_are_cut_off() -> None:
    assert posted(merchant_city="  Rome ").merchant_city == "Rome"
