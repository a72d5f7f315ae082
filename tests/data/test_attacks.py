"""Scripted attacks: what is counted is what the scorer decided."""

from datetime import UTC, datetime

import pytest

from data.attacks.cast import Cast, Payment, times
from data.attacks.play import SCRIPTS

_AT = datetime(2026, 11, 29, 15, 20, tzinfo=UTC)


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_is_in_the_order_of_time_and_no_more_than_a_day_ahead(name: str) -> None:
    cast = Cast(f"attack-1-{name}", *times(_AT))
    script = SCRIPTS[name](cast)
    for steps in (script.past, script.attack, script.twin):
        dates = [step.at for step in steps if isinstance(step, Payment)]
        assert max(dates, default=cast.at) < _AT.replace(tzinfo=None, day=30)
    assert script.past == sorted(script.past, key=lambda payment: payment.at)


@pytest.mark.parametrize("name", SCRIPTS)
def test_attack_and_twin_share_no_client(name: str) -> None:
    script = SCRIPTS[name](Cast(f"attack-1-{name}", *times(_AT)))
    attackers, honest = (
        {step.client_id for step in steps if isinstance(step, Payment)} for steps in (script.attack, script.twin)
    )
    assert attackers
    assert not attackers & honest
