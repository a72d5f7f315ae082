"""For every rule a case in which it holds."""

from dataclasses import replace

from fraudstack.rules.config import RulesFile
from fraudstack.rules.reasons import Case
from tests.rules.cases import DAY, HOUR, NOW, RULES, ago, days, event, profile

_SETTLED = profile(days(10))
_CIRCLE = (5_00, -5_00, 6_00, -6_00, 7_00)

HOLDING: dict[str, Case] = {
    "amount_unusual": Case(event(cents=900_00), _SETTLED, RULES),
    "merchant_new": Case(event(merchant="7"), _SETTLED, RULES),
    "mcc_new": Case(event(mcc=5812), _SETTLED, RULES),
    "country_new": Case(event(state="Italy"), _SETTLED, RULES),
    "travel_impossible": Case(event(state="Italy"), profile(ago(HOUR)), RULES),
    "channel_new": Case(event(channel="Swipe Transaction"), _SETTLED, RULES),
    "hour_unusual": Case(event(seconds=NOW + 9 * HOUR), _SETTLED, RULES),
    "refund_unmatched": Case(event(cents=-500_00), _SETTLED, RULES),
    "cold_start": Case(event(cents=900_00), profile(), RULES),
    "card_unknown": Case(event(card="8"), _SETTLED, RULES),
    "burst_10_minutes": Case(event(), profile(ago(at, id=2 + at) for at in range(5)), RULES),
    "burst_1_hour": Case(event(), profile(ago(at * 300, id=2 + at) for at in range(10)), RULES),
    "burst_24_hours": Case(event(), profile(ago(at * 3000, id=2 + at) for at in range(25)), RULES),
    "burst_7_days": Case(event(), profile(ago(at * 6000, id=2 + at) for at in range(90)), RULES),
    "declines_then_success": Case(event(), profile(ago(at, id=2 + at, errors="Bad CVV") for at in range(2)), RULES),
    "refunds_mirrored": Case(
        event(cents=-7_00), profile(ago(HOUR, id=2 + at, cents=cents) for at, cents in enumerate(_CIRCLE)), RULES
    ),
}

# Everything at once: a stranger in a strange land.
EVERYTHING = Case(
    replace(
        event(cents=900_00),
        seconds=NOW + 9 * HOUR,
        merchant="7",
        mcc=5812,
        state="Italy",
        channel="Swipe Transaction",
        card="8",
    ),
    profile(
        days(100),
        (ago(-9 * HOUR + at, id=5000 + at, cents=1_00, errors="Bad PIN") for at in range(91)),
        ago(-9 * HOUR + DAY // 12, id=6000),
    ),
    RULES,
)


def under(found: Case, rules: RulesFile) -> Case:
    """The same case under other rules."""
    return found._replace(rules=rules)
