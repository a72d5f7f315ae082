"""What is read off a transaction."""

import time
from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraudstack.profiles.event import KINDS, Event, country, date_of, seconds_of

# The same examples each time, however busy the machine is.
calm = settings(deadline=None, derandomize=True)

BARE = Event(1, "7", 0, 100)


@pytest.mark.parametrize(
    ("state", "found"),
    [
        ("CA", "US"),
        ("DC", "US"),
        ("Italy", "Italy"),
        ("PR", "US"),
        ("UK", "UK"),
        ("us", "us"),
        ("Oman", "Oman"),
        ("USA", "USA"),
        ("", None),
        (None, None),
    ],
)
def test_a_states_code_is_home(state: str | None, found: str | None) -> None:
    assert country(state) == found
    assert replace(BARE, state=state).country == found


@pytest.mark.parametrize(
    ("seconds", "hour"), [(0, 0), (3599, 0), (3600, 1), (86_399, 23), (86_400, 0), (1_572_611_400, 12), (-1, 23)]
)
def test_the_hour_is_the_hour_of_the_day(seconds: int, hour: int) -> None:
    assert replace(BARE, seconds=seconds).hour == hour


def test_an_error_means_declined() -> None:
    assert replace(BARE, errors="Bad PIN").declined
    assert not replace(BARE, errors="").declined
    assert not BARE.declined


def test_an_event_is_known_by_every_dimension_it_has() -> None:
    full = Event(1, "7", 3 * 3600, 100, "c", "Chip Transaction", "m", "Rome", "Italy", 742)
    assert dict(full.keys) == {
        "card": "c",
        "channel": "Chip Transaction",
        "city": "Italy/Rome",
        "hour": "03",
        "mcc": "742",
        "merchant": "m",
        "state": "Italy",
    }
    assert tuple(kind for kind, _ in full.keys) == KINDS


def test_what_is_not_told_is_no_dimension() -> None:
    assert BARE.keys == (("hour", "00"),)
    assert Event(1, "7", 0, 100, "", "", "", "", "", None, "").keys == (("hour", "00"),)


def test_category_0_and_a_city_without_a_state_are_dimensions() -> None:
    assert dict(replace(BARE, mcc=0, city="ONLINE").keys) == {"hour": "00", "mcc": "0", "city": "/ONLINE"}


@calm
@given(st.datetimes(datetime(1970, 1, 1), datetime(2999, 12, 31)).map(lambda date: date.replace(microsecond=0)))
def test_seconds_and_dates_are_the_same_moments(date: datetime) -> None:
    assert date_of(seconds_of(date)) == date


def test_seconds_count_in_utc_whatever_the_zone_of_the_machine_is() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        assert seconds_of(datetime(2019, 11, 1, 12, 30)) == 1_572_611_400
        assert str(date_of(1_572_611_400)) == "2019-11-01 12:30:00"
    time.tzset()
