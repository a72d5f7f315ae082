"""Rules of haste: too much of a client in a time."""

from fraudstack.features import DAY
from fraudstack.profiles.profile import WEEK
from fraudstack.rules.case import HOUR, MINUTE, Case, Reason
from fraudstack.rules.config import Burst


def burst_10_minutes(case: Case) -> Reason | None:
    """Too many transactions in 10 minutes."""
    return _burst(case, "burst_10_minutes", case.rules.rules.burst_10_minutes, 10 * MINUTE, "10 minutes")


def burst_1_hour(case: Case) -> Reason | None:
    """Too many transactions in an hour."""
    return _burst(case, "burst_1_hour", case.rules.rules.burst_1_hour, HOUR, "1 hour")


def burst_24_hours(case: Case) -> Reason | None:
    """Too many transactions in a day."""
    return _burst(case, "burst_24_hours", case.rules.rules.burst_24_hours, DAY, "24 hours")


def burst_7_days(case: Case) -> Reason | None:
    """Too many transactions in a week."""
    return _burst(case, "burst_7_days", case.rules.rules.burst_7_days, WEEK, "7 days")


def _burst(case: Case, code: str, figures: Burst, length: int, said: str) -> Reason | None:
    count = len(case.profile.before(case.event.seconds, length)) + 1
    if count <= figures.most:
        return None
    return Reason(
        code, figures.weight, {"transactions": count, "most": figures.most}, f"{count} transactions in {said}"
    )


def declines_then_success(case: Case) -> Reason | None:
    """An approved transaction after several declined ones within the hour."""
    figures = case.rules.rules.declines_then_success
    declined = case.profile.window(case.event.seconds, HOUR).declined
    if case.event.declined or declined < figures.declines:
        return None
    return Reason(
        "declines_then_success", figures.weight, {"declined": declined}, f"approved after {declined} declines in 1 hour"
    )
