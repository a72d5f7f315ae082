"""What all rules share: codes, weights, silence, exceptions."""

from typing import Any

import pytest

from fraudstack.rules import reasons
from fraudstack.rules.case import Case
from fraudstack.rules.config import Figures
from fraudstack.rules.whitelist import whitelisted
from tests.rules.cases import NOW, RULES, UNKNOWN, USUAL, altered, case, days, event, profile
from tests.rules.holding import EVERYTHING, HOLDING, under

HABIT = {rule.__name__ for rule in reasons.OF_HABIT}
HASTE = {rule.__name__ for rule in reasons.OF_HASTE}


def codes(found: Case, *, excepted: bool = False) -> set[str]:
    return {reason.code for reason in reasons.reasons(found, excepted=excepted)}


def test_every_rule_has_its_figures_and_a_case_here() -> None:
    assert set(Figures.model_fields) == HABIT | HASTE == set(HOLDING)
    assert not HABIT & HASTE


@pytest.mark.parametrize("code", HOLDING)
def test_a_reason_is_named_after_its_rule_and_weighs_what_the_file_says(code: str) -> None:
    for weight in (0.0, 0.123, 0.999):
        found = reasons.reasons(under(HOLDING[code], altered(code, weight=weight)))
        assert [reason.weight for reason in found if reason.code == code] == [weight]


@pytest.mark.parametrize("code", HOLDING)
def test_figures_are_plain_and_the_text_says_something(code: str) -> None:
    reason = next(reason for reason in reasons.reasons(HOLDING[code]) if reason.code == code)
    assert reason.figures
    assert all(isinstance(figure, str | int | float) for figure in reason.figures.values())
    assert reason.text
    assert "None" not in reason.text


def test_the_usual_gives_no_reason() -> None:
    assert codes(case(USUAL, profile(days(30)))) == set()


def test_where_nothing_is_told_nothing_is_a_reason() -> None:
    assert codes(case(UNKNOWN, profile(days(30)))) == set()


@pytest.mark.parametrize("field", ["card", "channel", "merchant", "city", "state", "mcc", "errors"])
def test_one_field_that_is_not_told_is_no_reason(field: str) -> None:
    nothing: dict[str, Any] = {field: None}
    assert codes(case(event(**nothing), profile(days(30)))) == set()
    assert codes(case(USUAL, profile(days(30, **nothing)))) <= {
        {"card": "card_unknown", "state": "country_new"}.get(field, f"{field}_new")
    }


def test_a_client_nobody_knows_may_spend_a_little() -> None:
    assert codes(case(USUAL, profile())) == set()
    assert codes(case(UNKNOWN, profile())) == set()


@pytest.mark.parametrize("code", sorted(HABIT))
def test_an_exception_silences_habits(code: str) -> None:
    assert code in codes(HOLDING[code])
    assert code not in codes(HOLDING[code], excepted=True)


@pytest.mark.parametrize("code", sorted(HASTE))
def test_an_exception_does_not_silence_haste(code: str) -> None:
    assert code in codes(HOLDING[code], excepted=True)


def test_many_reasons_can_hold_at_once() -> None:
    # Others are of refunds, of clients without a history or with a gap in it, of several large payments in a day, of
    # what is paid online or little.
    assert codes(EVERYTHING) == (HABIT | HASTE) - {
        "refund_unmatched",
        "refunds_mirrored",
        "cold_start",
        "dormant",
        "day_spend_unusual",
        "new_merchants_spend",
        "card_testing",
    }


def test_rules_leave_the_profile_as_it_is() -> None:
    known = profile(days(30))
    before = profile(days(30))
    for found in (USUAL, UNKNOWN, event(merchant="7", mcc=1, state="Peru", card="9", seconds=NOW + 5)):
        list(reasons.reasons(case(found, known)))
        whitelisted(case(found, known))
    assert known == before
    assert altered("cold_start") == RULES
