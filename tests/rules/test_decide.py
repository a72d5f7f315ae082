"""From reasons to a decision: lists, whitelist, noisy-or, thresholds, the sentence."""

from dataclasses import replace
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraudstack.rules.case import Case, Reason
from fraudstack.rules.config import RulesFile
from fraudstack.rules.decide import Decision, Verdict, combined, decide, in_grey_band
from tests.rules.cases import RULES, UNKNOWN, USUAL, case, days, event, profile
from tests.rules.holding import EVERYTHING, HOLDING, under

# The same examples each time, however busy the machine is.
calm = settings(deadline=None, derandomize=True)

FITS = case(USUAL, profile(days(30)))
# No reason holds, and it isn't waved through either.
SILENT = case(UNKNOWN, profile(days(30)))

CASES = [*HOLDING.values(), EVERYTHING, FITS, SILENT]
WEIGHTS = st.lists(st.floats(0, 1), max_size=6)


def listed(rules: RulesFile = RULES, /, *, block: dict[str, Any] | None = None, **allow: Any) -> RulesFile:
    """The rules with names on their lists."""
    return rules.model_copy(
        update={
            "block": rules.block.model_copy(update={name: frozenset(values) for name, values in (block or {}).items()}),
            "allow": rules.allow.model_copy(update={name: frozenset(values) for name, values in allow.items()}),
        }
    )


def reason(weight: float, text: str = "a model says so") -> Reason:
    return Reason("model", weight, {}, text)


def of(*weights: float) -> list[Reason]:
    return [reason(weight) for weight in weights]


# Lists


ALIKE = ["123", "00123", " 123 ", "123.0", "\uff11\uff12\uff13", "٠٠١٢٣", "1\u200b23", "\u00ad123", "१२३"]


@pytest.mark.parametrize("written", ALIKE)
@pytest.mark.parametrize("name", ["merchants", "clients", "cards"])
def test_an_id_is_on_the_list_however_it_is_written(name: str, written: str) -> None:
    block = RULES.block.model_validate({**_EMPTY, name: [written]})
    field = {"merchants": "merchant", "clients": "client_id", "cards": "card"}[name]
    rules = RULES.model_copy(update={"block": block})
    for other in ALIKE:
        assert decide(case(event(**{field: other}), profile(days(30)), rules)).decision == "blocked"
    for another in ("1234", "12", "0", "a123"):
        assert decide(case(event(**{field: another}), profile(days(30)), rules)).decision != "blocked"


@pytest.mark.parametrize("channel", ["Online Transaction", "Chip Transaction", None])
def test_a_blocked_country_is_blocked_online_too(channel: str | None) -> None:
    rules = RULES.model_copy(
        update={"block": RULES.block.model_validate({**_EMPTY, "countries": ["ITA", "United States"]})}
    )
    for state in ("Italy", "ND"):
        verdict = decide(case(event(state=state, channel=channel), profile(days(30)), rules))
        assert verdict.decision == "blocked"
    assert decide(case(event(state="France", channel=channel), profile(days(30)), rules)).decision != "blocked"


_EMPTY: dict[str, Any] = {"merchants": [], "clients": [], "cards": [], "countries": [], "mccs": []}


class Listed(NamedTuple):
    block: dict[str, Any]
    name: str
    value: str | int


LISTS = [
    Listed({"clients": ["1556"]}, "client", "1556"),
    Listed({"cards": ["2972"]}, "card", "2972"),
    Listed({"merchants": ["59935"]}, "merchant", "59935"),
    Listed({"countries": ["US"]}, "country", "US"),
    Listed({"mccs": [5411]}, "merchant category", 5411),
]
each_list = pytest.mark.parametrize("on", LISTS, ids=[on.name for on in LISTS])


@each_list
def test_the_block_list_blocks_even_the_usual(on: Listed) -> None:
    assert decide(FITS).decision == "whitelisted"
    text = f"{on.name} {on.value} is on the block list"
    found = Reason("block_list", 0.9999, {"list": on.name, "value": on.value}, text)
    assert decide(under(FITS, listed(block=on.block))) == Verdict("blocked", 1.0, text, (found,))


@each_list
def test_the_block_list_stands_above_the_allow_list_and_exceptions(on: Listed) -> None:
    rules = listed(block=on.block, clients=["1556"], merchants=["59935"])
    assert decide(under(FITS, rules), excepted=True).decision == "blocked"
    assert decide(under(FITS, rules), more=of(0.5)).score == 1.0


@pytest.mark.parametrize("on", LISTS[1:], ids=[on.name for on in LISTS[1:]])
def test_what_is_not_told_is_on_no_list(on: Listed) -> None:
    assert decide(under(SILENT, listed(block=on.block))).decision == "normal"


def test_countries_are_blocked_by_name() -> None:
    rules = listed(block={"countries": ["Italy"]})
    assert decide(case(event(state="Italy"), profile(days(30)), rules)).decision == "blocked"
    assert decide(case(USUAL, profile(days(30)), rules)).decision == "whitelisted"


@pytest.mark.parametrize(
    ("allow", "said"),
    [
        ({"clients": ["1556"]}, "client 1556 is on the allow list"),
        ({"merchants": ["7"]}, "merchant 7 is on the allow list"),
    ],
    ids=["clients", "merchants"],
)
def test_the_allow_list_stands_above_all_rules(allow: dict[str, Any], said: str) -> None:
    assert decide(EVERYTHING).decision == "blocked"
    verdict = decide(under(EVERYTHING, listed(**allow)), more=of(0.99))
    assert verdict == Verdict("whitelisted", 0.0, said)
    assert not verdict.suspicious


def test_a_merchant_that_is_not_told_is_not_allowed() -> None:
    assert decide(under(SILENT, listed(merchants=["7"]))).decision == "normal"


# The whitelist


def test_the_usual_is_whitelisted() -> None:
    verdict = decide(FITS)
    assert (verdict.decision, verdict.score, verdict.reasons, verdict.suspicious) == ("whitelisted", 0.0, (), False)
    assert verdict.reason == "usual card, place and amount for this client at merchant 59935 (30 before)"


def test_with_a_reason_from_elsewhere_the_whitelist_is_not_asked() -> None:
    assert decide(FITS, more=of(0.7)) == Verdict("suspicious", 0.7, "a model says so", tuple(of(0.7)))
    assert decide(FITS, more=of(0.0)).decision == "normal"


# Scores


@calm
@given(st.lists(st.integers(0, 999), max_size=10))
def test_weights_combine_as_independent_causes(parts: list[int]) -> None:
    innocent = Decimal(1)
    for part in parts:
        innocent *= 1 - Decimal(part) / 1000
    assert abs(Decimal(combined([part / 1000 for part in parts])) - (1 - innocent)) <= Decimal("0.000051")


def test_known_combinations() -> None:
    assert combined([]) == 0.0
    assert combined([0.5]) == 0.5
    assert combined([0.5, 0.5]) == 0.75
    assert combined([0.45, 0.5, 0.1]) == 0.7525


@calm
@given(WEIGHTS)
def test_a_score_stays_between_0_and_1(weights: list[float]) -> None:
    assert 0 <= combined(weights) <= 1


@pytest.mark.parametrize(
    ("weight", "decision"),
    [
        (0.0, "normal"),
        (0.4999, "normal"),
        (0.5, "suspicious"),
        (0.9699, "suspicious"),
        (0.97, "blocked"),
        (1.0, "blocked"),
    ],
)
def test_bounds_belong_to_what_they_begin(weight: float, decision: Decision) -> None:
    verdict = decide(SILENT, more=of(weight))
    assert (verdict.decision, verdict.score) == (decision, weight)
    assert verdict.suspicious is (decision != "normal")


def test_bounds_are_the_files() -> None:
    bounds = RULES.decision.model_copy(update={"suspicious_at": 0.2, "block_at": 0.4})
    rules = RULES.model_copy(update={"decision": bounds})
    found = [decide(under(SILENT, rules), more=of(weight)).decision for weight in (0.19, 0.2, 0.39, 0.4)]
    assert found == ["normal", "suspicious", "suspicious", "blocked"]


@calm
@given(st.sampled_from(CASES), WEIGHTS, WEIGHTS)
def test_more_reasons_never_lower_a_score(found: Case, some: list[float], more: list[float]) -> None:
    fewer, all_ = decide(found, more=of(*some)), decide(found, more=of(*some, *more))
    assert all_.score >= fewer.score >= decide(found).score
    order = ["whitelisted", "normal", "suspicious", "blocked"]
    assert order.index(all_.decision) >= order.index(fewer.decision)


@calm
@given(st.sampled_from(CASES))
def test_an_exception_never_raises_a_score(found: Case) -> None:
    assert decide(found, excepted=True).score <= decide(found).score


def test_an_exception_leaves_haste() -> None:
    verdict = decide(EVERYTHING._replace(event=replace(EVERYTHING.event, cents=500_00)), excepted=True)
    assert {found.code for found in verdict.reasons} == {
        "card_unknown",
        "burst_10_minutes",
        "burst_1_hour",
        "burst_24_hours",
        "burst_7_days",
        "declines_then_success",
        "card_shared",
        "card_guessed",
        "card_fraud",
        "merchant_fraud",
    }


def test_an_exception_holds_up_to_its_ceiling() -> None:
    for cents, holds in ((500_00, True), (500_01, False)):
        verdict = decide(case(event(cents=cents, merchant="7"), profile(days(30))), excepted=True)
        assert ("amount_unusual" not in {found.code for found in verdict.reasons}) is holds


# Sentences


def test_nothing_found_says_so() -> None:
    assert decide(SILENT) == Verdict("normal", 0.0, "nothing out of the ordinary")


@pytest.mark.parametrize(
    ("count", "said"),
    [(1, "r1"), (2, "r1; r2"), (3, "r1; r2; r3"), (4, "r1; r2; r3; and 1 more"), (7, "r1; r2; r3; and 4 more")],
)
def test_the_three_heaviest_are_said(count: int, said: str) -> None:
    heaviest_last = [reason((10 - at) / 100, f"r{at}") for at in range(count, 0, -1)]
    verdict = decide(SILENT, more=heaviest_last)
    assert verdict.reason == said
    assert [found.text for found in verdict.reasons] == [f"r{at}" for at in range(1, count + 1)]


def test_reasons_from_elsewhere_stand_among_the_others_by_weight() -> None:
    found = case(event(merchant="7", mcc=5812, card="8"), profile(days(30)))
    verdict = decide(found, more=[reason(0.2, "the text looks odd")])
    assert [reason.weight for reason in verdict.reasons] == [0.25, 0.2, 0.15, 0.1]
    assert verdict.reason == (
        "card 8 is new for this client; the text looks odd; first transaction at category 5812; and 1 more"
    )
    assert verdict.score == combined([0.25, 0.2, 0.15, 0.1])


# The grey band


@pytest.mark.parametrize(("score", "grey"), [(0.0, False), (0.3499, False), (0.35, True), (0.5, True), (0.5001, False)])
def test_the_grey_band_has_both_its_edges(score: float, grey: bool) -> None:
    assert in_grey_band(SILENT, score) is grey
