"""Every feature, declared once: its name, the group that gives one reason, its words, and whether it only grows."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, NamedTuple, get_type_hints

from fraudstack.features.words import Odd, Say, above, below, count, either, form, gap, never, seen, share, since, times


@dataclass(frozen=True, slots=True)
class Feature:
    """What is known of a feature beside its name."""

    # The code of the reason that its group gives.
    group: str
    # Its value in words, and whether it is out of the ordinary, so that it may be a reason; of NaN nobody asks it.
    say: Say
    odd: Odd
    # Whether it counts from the beginning of a history, and so never falls where the same is asked again.
    grows: bool = False


_AMOUNT, _CLIENT, _NOVELTY, _MERCHANT, _RISK = (
    f"model_{name}" for name in ("amount", "client", "novelty", "merchant", "risk")
)
# Where, is said for each kind of place.
_OF_PLACE = "of what is known of the {place} was fraud"


class ClientFigures(NamedTuple):
    """Features of a transaction and its client."""

    # In whole units: cents tell how data were made, not who made them.
    amount: Annotated[float, Feature(_AMOUNT, form("amount {:,.0f}"), above(200))]
    hour: Annotated[float, Feature(_CLIENT, form("between {0:02.0f}:00 and {0:02.0f}:59 UTC"), below(6))]
    online: Annotated[float, Feature(_NOVELTY, either("online", "not online"), never)]
    abroad: Annotated[float, Feature(_NOVELTY, either("abroad", "not abroad"), above(1))]
    declined: Annotated[
        float, Feature(_CLIENT, either("declined at the terminal", "not declined at the terminal"), above(1))
    ]
    client_transactions: Annotated[
        float, Feature(_CLIENT, count("transaction", " of this client so far"), below(10), grows=True)
    ]
    amount_to_mean: Annotated[float, Feature(_AMOUNT, times("amount", "this client's mean"), above(1.5))]
    amount_to_median: Annotated[float, Feature(_AMOUNT, times("amount", "this client's median"), above(1.5))]
    amount_sigmas: Annotated[float, Feature(_AMOUNT, form("amount {:.1f} σ from this client's mean"), above(1.5))]
    client_count_1d: Annotated[
        float, Feature(_CLIENT, count("transaction", " of this client on this day before"), above(5))
    ]
    client_count_7d: Annotated[float, Feature(_CLIENT, count("transaction", " of this client in 7 days"), above(20))]
    client_count_30d: Annotated[float, Feature(_CLIENT, count("transaction", " of this client in 30 days"), above(60))]
    client_mean_7d: Annotated[float, Feature(_AMOUNT, times("purchases of 7 days", "this client's mean"), above(1.5))]
    client_mean_30d: Annotated[float, Feature(_AMOUNT, times("purchases of 30 days", "this client's mean"), above(1.5))]
    client_seconds_since_last: Annotated[float, Feature(_CLIENT, gap("the client's last transaction"), below(600))]
    client_count_1h: Annotated[
        float, Feature(_CLIENT, count("transaction", " of this client in the hour before"), above(2))
    ]
    client_days_since_high: Annotated[
        float, Feature(_AMOUNT, since("an amount far above this client's habit"), below(15))
    ]
    client_days_since_first_high_14d: Annotated[
        float, Feature(_AMOUNT, since("the first amount far above habit in 14 days"), below(15))
    ]
    client_highs_14d: Annotated[
        float, Feature(_AMOUNT, count("amount", " far above this client's habit in 14 days"), above(1))
    ]
    client_highest_ratio_7d: Annotated[
        float, Feature(_AMOUNT, times("highest amount of 7 days", "this client's median"), above(3))
    ]
    client_highest_ratio_14d: Annotated[
        float, Feature(_AMOUNT, times("highest amount of 14 days", "this client's median"), above(3))
    ]
    client_frauds_30d: Annotated[float, Feature(_CLIENT, count("known fraud", " of this client in 30 days"), above(1))]
    client_merchant_seen: Annotated[float, Feature(_NOVELTY, seen("merchant"), below(1), grows=True)]
    client_mcc_seen: Annotated[float, Feature(_NOVELTY, seen("merchant category"), below(1), grows=True)]
    client_state_seen: Annotated[float, Feature(_NOVELTY, seen("state or country"), below(1), grows=True)]
    client_channel_seen: Annotated[float, Feature(_NOVELTY, seen("channel"), below(1), grows=True)]


class MerchantFigures(NamedTuple):
    """Features of a merchant on a day."""

    merchant_count_1d: Annotated[
        float, Feature(_MERCHANT, count("transaction", " at the merchant on the day before"), never)
    ]
    merchant_count_7d: Annotated[
        float, Feature(_MERCHANT, count("transaction", " at the merchant in 7 days"), below(1))
    ]
    merchant_count_30d: Annotated[
        float, Feature(_MERCHANT, count("transaction", " at the merchant in 30 days"), below(1))
    ]
    merchant_mean_30d: Annotated[
        float, Feature(_MERCHANT, form("mean amount {:,.2f} at the merchant in 30 days"), never)
    ]
    merchant_labelled_7d: Annotated[
        float, Feature(_MERCHANT, count("known label", " at the merchant in the latest 7 days that have any"), never)
    ]
    merchant_frauds_7d: Annotated[
        float,
        Feature(_MERCHANT, count("known fraud", " at the merchant in the latest 7 days that have labels"), above(1)),
    ]
    # Of an amount that was ordinary for its client: it was the merchant that was to blame.
    merchant_ordinary_frauds_14d: Annotated[
        float, Feature(_MERCHANT, count("known fraud", " of ordinary amount at the merchant in 14 days"), above(1))
    ]
    merchant_ordinary_frauds_21d: Annotated[
        float, Feature(_MERCHANT, count("known fraud", " of ordinary amount at the merchant in 21 days"), above(1))
    ]
    merchant_labelled_30d: Annotated[
        float, Feature(_MERCHANT, count("known label", " at the merchant in the latest 30 days that have any"), never)
    ]
    merchant_frauds_30d: Annotated[
        float,
        Feature(_MERCHANT, count("known fraud", " at the merchant in the latest 30 days that have labels"), above(1)),
    ]
    merchant_last_label: Annotated[
        float, Feature(_MERCHANT, form("of the merchant's latest labelled day {:.0%} was fraud"), above(0.01))
    ]
    merchant_run_days: Annotated[float, Feature(_MERCHANT, since("a run of frauds began at the merchant"), below(60))]
    merchant_run_frauds: Annotated[
        float, Feature(_MERCHANT, count("known fraud", " in a row at the merchant"), above(1))
    ]
    merchant_days_before_run: Annotated[
        float, Feature(_MERCHANT, form("{:.0f} days from the last honest day to the run of frauds"), never)
    ]
    merchant_days_since_fraud: Annotated[float, Feature(_MERCHANT, since("the merchant's last known fraud"), below(30))]
    merchant_legitimate_since_fraud: Annotated[
        float, Feature(_MERCHANT, count("legitimate transaction", " at the merchant since its last fraud"), never)
    ]
    merchant_fraud_rate: Annotated[
        float, Feature(_MERCHANT, share("of what is known of the merchant was fraud"), above(0.005))
    ]


class RiskFigures(NamedTuple):
    """Features of a category on a day, and of a state: each is one of either."""

    fraud_rate_7d: Annotated[
        float, Feature(_RISK, share(f"{_OF_PLACE}, in the latest 7 days that have labels"), above(0.005))
    ]
    fraud_rate_30d: Annotated[
        float, Feature(_RISK, share(f"{_OF_PLACE}, in the latest 30 days that have labels"), above(0.005))
    ]
    fraud_rate: Annotated[float, Feature(_RISK, share(_OF_PLACE), above(0.005))]


class ChannelFigures(NamedTuple):
    """Features of a channel on a day."""

    channel_fraud_rate_30d: Annotated[
        float,
        Feature(
            _RISK,
            share("of what is known of the channel was fraud, in the latest 30 days that have labels"),
            above(0.02),
        ),
    ]


def _declared(figures: type) -> dict[str, Feature]:
    return {name: hint.__metadata__[0] for name, hint in get_type_hints(figures, include_extras=True).items()}


def _at(place: str, feature: Feature) -> Feature:
    return Feature(feature.group, lambda value: feature.say(value).format(place=place), feature.odd, feature.grows)


# What has RiskFigures, in words.
_PLACES = {"mcc": "category", "state": "state or country"}
RISK_NAMES = {kind: tuple(f"{kind}_{name}" for name in RiskFigures._fields) for kind in _PLACES}
FEATURES: dict[str, Feature] = _declared(ClientFigures) | _declared(MerchantFigures)
for _kind, _place in _PLACES.items():
    _risks = (_at(_place, feature) for feature in _declared(RiskFigures).values())
    FEATURES |= zip(RISK_NAMES[_kind], _risks, strict=True)
FEATURES |= _declared(ChannelFigures)
# In the order in which a model has them.
NAMES = tuple(FEATURES)
# By the code of the reason that a group gives.
GROUPS = {
    code: tuple(name for name, feature in FEATURES.items() if feature.group == code)
    for code in dict.fromkeys(feature.group for feature in FEATURES.values())
}
# What a decision says of a model without asking what it rests on.
WHOLE = "model"
CODES = (WHOLE, *GROUPS)
_NO_MERCHANT = MerchantFigures(*[math.nan] * len(MerchantFigures._fields))
_NO_RISK = RiskFigures(*[math.nan] * len(RiskFigures._fields))
_NO_CHANNEL = ChannelFigures(*[math.nan] * len(ChannelFigures._fields))


def row(
    client: ClientFigures,
    merchant: MerchantFigures | None,
    mcc: RiskFigures | None,
    state: RiskFigures | None,
    channel: ChannelFigures | None,
) -> list[float]:
    """The figures in the order of NAMES; NaN of what nothing is known of."""
    return [
        *client,
        *(merchant or _NO_MERCHANT),
        *(mcc or _NO_RISK),
        *(state or _NO_RISK),
        *(channel or _NO_CHANNEL),
    ]


def in_words(name: str, value: float) -> str:
    """A feature's value in words; what isn't known (NaN) is said as well."""
    if math.isnan(value):
        return f"nothing is known yet of {name.replace('_', ' ')}"
    return FEATURES[name].say(value)


def is_odd(name: str, values: Mapping[str, float]) -> bool:
    """Whether a feature's value is out of the ordinary by itself; `values` are all features by their names.

    What isn't known is no reason, nor is it the first place of what has none: online.
    """
    value = values[name]
    if not math.isfinite(value) or (name == "client_state_seen" and values["online"]):
        return False
    return FEATURES[name].odd(value)
