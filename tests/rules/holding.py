"""For every rule a case in which it holds."""

from dataclasses import replace

from fraudstack.profiles.event import ONLINE
from fraudstack.profiles.velocity import AtMerchant, Velocity, WithCard
from fraudstack.rules.case import Case, case_of
from fraudstack.rules.config import RulesFile
from tests.rules.cases import DAY, HOUR, NOW, RULES, ago, days, event, profile

_SETTLED = profile(days(10))
_CIRCLE = (5_00, -5_00, 6_00, -6_00, 7_00)
_PROBED = event(cents=1_00, merchant="7")

HOLDING: dict[str, Case] = {
    "amount_unusual": case_of(event(cents=900_00), _SETTLED, RULES),
    "merchant_new": case_of(event(merchant="7"), _SETTLED, RULES),
    "mcc_new": case_of(event(mcc=5812), _SETTLED, RULES),
    "country_new": case_of(event(state="Italy"), _SETTLED, RULES),
    "travel_impossible": case_of(event(state="Italy"), profile(ago(HOUR)), RULES),
    "channel_new": case_of(event(channel="Swipe Transaction"), _SETTLED, RULES),
    "hour_unusual": case_of(event(seconds=NOW + 9 * HOUR), _SETTLED, RULES),
    "refund_unmatched": case_of(event(cents=-500_00), _SETTLED, RULES),
    "cold_start": case_of(event(cents=900_00), profile(), RULES),
    "dormant": case_of(event(merchant="7", seconds=NOW + 200 * DAY), _SETTLED, RULES),
    "day_spend_unusual": case_of(event(cents=200_00), profile(days(10), ago(HOUR, cents=200_00)), RULES),
    "new_merchants_spend": case_of(
        event(cents=300_00, merchant="7", channel=ONLINE),
        profile(days(10), ago(HOUR, cents=300_00, merchant="8", channel=ONLINE)),
        RULES,
    ),
    "card_unknown": case_of(event(card="8"), _SETTLED, RULES),
    "card_shared": case_of(event(), _SETTLED, RULES, Velocity(WithCard(clients=2))),
    "card_guessed": case_of(event(), _SETTLED, RULES, Velocity(WithCard(guesses=3))),
    "card_fraud": case_of(event(), _SETTLED, RULES, Velocity(WithCard(frauds=1, last_fraud=NOW - DAY))),
    "card_testing": case_of(_PROBED, _SETTLED, RULES, Velocity(merchant=AtMerchant(probes=4))),
    "merchant_fraud": case_of(event(), _SETTLED, RULES, Velocity(merchant=AtMerchant(since_frauds=(2, 5, 9)))),
    "burst_10_minutes": case_of(event(), profile(ago(at, id=2 + at) for at in range(5)), RULES),
    "burst_1_hour": case_of(event(), profile(ago(at * 300, id=2 + at) for at in range(10)), RULES),
    "burst_24_hours": case_of(event(), profile(ago(at * 3000, id=2 + at) for at in range(25)), RULES),
    "burst_7_days": case_of(event(), profile(ago(at * 6000, id=2 + at) for at in range(90)), RULES),
    "declines_then_success": case_of(event(), profile(ago(at, id=2 + at, errors="Bad CVV") for at in range(2)), RULES),
    "refunds_mirrored": case_of(
        event(cents=-7_00), profile(ago(HOUR, id=2 + at, cents=cents) for at, cents in enumerate(_CIRCLE)), RULES
    ),
}

# Everything at once: a stranger in a strange land.
EVERYTHING = case_of(
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
    Velocity(WithCard(clients=2, guesses=3, frauds=1, last_fraud=NOW), AtMerchant(probes=4, since_frauds=(2, 5, 9))),
)


def under(found: Case, rules: RulesFile) -> Case:
    """The same case under other rules."""
    return found._replace(rules=rules)
