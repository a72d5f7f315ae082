"""What the features of a model say, in words with figures, and which of them belong together."""

import math
from collections.abc import Callable, Mapping

_Say = Callable[[float], str]


def _count(of: str, where: str = "") -> _Say:
    def say(value: float) -> str:
        return f"{value:,.0f} {of}{'' if value == 1 else 's'}{where}"

    return say


def _times(what: str, whose: str) -> _Say:
    return lambda value: f"{what} {value:.1f} times {whose}"


def _share(what: str) -> _Say:
    return lambda value: f"{value:.1%} {what}"


def _since(what: str) -> _Say:
    return lambda value: f"{value:.0f} day{'' if round(value) == 1 else 's'} since {what}"


def _seen(what: str) -> _Say:
    def say(value: float) -> str:
        return f"{what} used {value:,.0f} time{'' if value == 1 else 's'} before" if value else f"first {what}"

    return say


def _either(true: str, false: str) -> _Say:
    return lambda value: true if value else false


def _seconds(value: float) -> str:
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if value >= 2 * length:
            return f"{value / length:.0f} {unit} since the client's last transaction"
    return f"{value:.0f} seconds since the client's last transaction"


def _last_label(value: float) -> str:
    return f"of the merchant's latest labelled day {value:.0%} was fraud"


# By the code of the reason that a group of features gives.
GROUPS: Mapping[str, Mapping[str, _Say]] = {
    "model_amount": {
        "amount": lambda value: f"amount {value:,.0f}",
        "amount_to_mean": _times("amount", "this client's mean"),
        "amount_to_median": _times("amount", "this client's median"),
        "amount_sigmas": lambda value: f"amount {value:.1f} σ from this client's mean",
        "client_mean_7d": _times("purchases of 7 days", "this client's mean"),
        "client_mean_30d": _times("purchases of 30 days", "this client's mean"),
        "client_days_since_high": _since("an amount far above this client's habit"),
        "client_days_since_first_high_14d": _since("the first amount far above habit in 14 days"),
        "client_highs_14d": _count("amount", " far above this client's habit in 14 days"),
        "client_highest_ratio_7d": _times("highest amount of 7 days", "this client's median"),
        "client_highest_ratio_14d": _times("highest amount of 14 days", "this client's median"),
    },
    "model_client": {
        "hour": lambda value: f"between {value:02.0f}:00 and {value:02.0f}:59 UTC",
        "declined": _either("declined at the terminal", "not declined at the terminal"),
        "client_transactions": _count("transaction", " of this client so far"),
        "client_count_1h": _count("transaction", " of this client in the hour before"),
        "client_count_1d": _count("transaction", " of this client on this day before"),
        "client_count_7d": _count("transaction", " of this client in 7 days"),
        "client_count_30d": _count("transaction", " of this client in 30 days"),
        "client_seconds_since_last": _seconds,
        "client_frauds_30d": _count("known fraud", " of this client in 30 days"),
    },
    "model_novelty": {
        "online": _either("online", "not online"),
        "abroad": _either("abroad", "not abroad"),
        "client_merchant_seen": _seen("merchant"),
        "client_mcc_seen": _seen("merchant category"),
        "client_state_seen": _seen("state or country"),
        "client_channel_seen": _seen("channel"),
    },
    "model_merchant": {
        "merchant_count_1d": _count("transaction", " at the merchant on the day before"),
        "merchant_count_7d": _count("transaction", " at the merchant in 7 days"),
        "merchant_count_30d": _count("transaction", " at the merchant in 30 days"),
        "merchant_mean_30d": lambda value: f"mean amount {value:,.2f} at the merchant in 30 days",
        "merchant_labelled_7d": _count("known label", " at the merchant in the latest 7 days that have any"),
        "merchant_frauds_7d": _count("known fraud", " at the merchant in the latest 7 days that have labels"),
        "merchant_ordinary_frauds_14d": _count("known fraud", " of ordinary amount at the merchant in 14 days"),
        "merchant_ordinary_frauds_21d": _count("known fraud", " of ordinary amount at the merchant in 21 days"),
        "merchant_labelled_30d": _count("known label", " at the merchant in the latest 30 days that have any"),
        "merchant_frauds_30d": _count("known fraud", " at the merchant in the latest 30 days that have labels"),
        "merchant_last_label": _last_label,
        "merchant_run_days": _since("a run of frauds began at the merchant"),
        "merchant_run_frauds": _count("known fraud", " in a row at the merchant"),
        "merchant_days_before_run": lambda value: f"{value:.0f} days from the last honest day to the run of frauds",
        "merchant_days_since_fraud": _since("the merchant's last known fraud"),
        "merchant_legitimate_since_fraud": _count("legitimate transaction", " at the merchant since its last fraud"),
        "merchant_fraud_rate": _share("of the merchant's labelled transactions were fraud"),
    },
    "model_risk": {
        f"{kind}_{name}": _share(f"of the labelled transactions in the {said} were fraud{when}")
        for kind, said in (("mcc", "category"), ("state", "state or country"))
        for name, when in (
            ("fraud_rate_7d", ", in the latest 7 days that have labels"),
            ("fraud_rate_30d", ", in the latest 30 days that have labels"),
            ("fraud_rate", ""),
        )
    },
}
# What a decision says of a model without asking what it rests on.
WHOLE = "model"
CODES = (WHOLE, *GROUPS)
_SAY = {name: say for group in GROUPS.values() for name, say in group.items()}


def said(feature: str, value: float) -> str:
    """A feature's value in words; what isn't known (NaN) is said as well."""
    if math.isnan(value):
        return f"nothing is known yet of {feature.replace('_', ' ')}"
    return _SAY[feature](value)
