"""Texts of others: what is kept, what is compared, what may be shown on a terminal."""

import pytest

from fraudstack.report.stream import line
from fraudstack.texts import compared, kept, same_id, shown


@pytest.mark.parametrize(
    "text", ["Zürich", "Zu\u0308rich", "ZÜRICH", " zürich ", "Zü\u00adrich", "Zürich 🎁", "Zü\u200brich\u00a0"]
)
def test_a_name_is_one_however_it_is_written(text: str) -> None:
    assert compared(text) == "Zürich"


@pytest.mark.parametrize("text", ["McLean", "St. Louis", "東京", "🎁"])
def test_a_name_in_large_and_small_letters_stays(text: str) -> None:
    assert compared(text) == text


@pytest.mark.parametrize(
    ("one", "other"), [("00123", "123"), ("123.0", "123"), ("000", "0"), ("\u0661", "1"), ("a0", "a0")]
)
def test_an_id_is_one_however_it_is_written(one: str, other: str) -> None:
    assert same_id(one) == same_id(other)


def test_ids_of_other_figures_are_others() -> None:
    assert len({same_id(id) for id in ("1", "10", "100", "a1", "01a", "1.5", "")}) == 7


def test_a_text_is_kept_as_far_as_it_can_be() -> None:
    assert kept("Ro\u00adme\0\x1b[2J", 100) == "Ro\u00adme\ufffd\ufffd[2J"
    assert kept("x" * 11, 10) == "x" * 9 + "…"
    assert kept("\u200b", 10) is None
    # Before it is cut: half a card number is one too.
    assert kept("x 4111 1111 1111 1111", 12) == "x [card]"


def test_a_line_of_the_stream_holds_nothing_but_what_can_be_seen() -> None:
    hostile = "\x1b[2J\x1b]0;owned\a\u202e\u200b[bold]"
    transaction = {"date": "2019-11-01 12:00:00", "client_id": hostile, "amount": "5", "merchant_state": hostile}
    answer = {"decision": "normal", "score": 0.1, "reason": f"first transaction in {hostile}", "suspicious": False}
    assert line(transaction, answer, None).plain.isprintable()
    assert shown("a\nb 4111111111111111") == "a b [card]"
