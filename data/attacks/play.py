"""Post a script to a scorer, and count what came through."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import batched
from secrets import token_hex
from typing import Any

from data.attacks import accounts, cards, merchants, refunds
from data.attacks.cast import Cast, Exception_, Payment, Script, Step, Verdict, times
from data.posting import Refused, Scorer
from fraudstack.errors import InputError
from fraudstack.report.attacks import Outcome

SCRIPTS: Mapping[str, Callable[[Cast], Script]] = {
    script.__name__: script
    for script in (
        cards.card_testing,
        cards.declined_testing,
        cards.enumeration,
        cards.shared_card,
        cards.zero_probes,
        cards.takeover,
        accounts.slow_escalation,
        accounts.new_merchants,
        accounts.cash_out,
        accounts.country_hopping,
        accounts.splitting,
        accounts.blinded,
        accounts.dormant,
        refunds.never_bought,
        refunds.below_the_mark,
        refunds.refunded_often,
        refunds.mirrored,
        merchants.confirmed_fraud,
        merchants.compromised_merchant,
        merchants.misused_exception,
        merchants.instruction,
    )
}
_TOGETHER = 250
_REVIEWER = "attack"


def play(name: str, scorer: Scorer, now: datetime, on_progress: Callable[[int, int], object] = divmod) -> Outcome:
    """Post a script's past, its attack and its twin; `now` has a zone.

    Raises InputError where the scorer refuses what is posted, or the caller.
    """
    cast = Cast(f"attack-{token_hex(4)}-{name}", *times(now))
    script = SCRIPTS[name](cast)
    total, done = len(script.past) + len(script.attack) + len(script.twin), 0
    try:
        for some in batched(script.past, _TOGETHER):
            _lived(scorer, some)
            done += len(some)
            on_progress(done, total)
        attack, twin = ([*_played(scorer, steps, now)] for steps in (script.attack, script.twin))
    except Refused as error:
        raise InputError(f"the scorer refused a step of {name}: {error}") from error
    on_progress(total, total)
    first = next((at for at, (_, suspicious) in enumerate(attack) if suspicious), len(attack))
    after = attack[first + 1 :]
    return Outcome(
        name,
        len(attack),
        first,
        sum(abs(payment.cents) for payment, _ in attack[:first] if payment.errors is None) / 100,
        sum(suspicious for _, suspicious in after) / len(after) if after else None,
        len(twin),
        sum(suspicious for _, suspicious in twin),
    )


def _lived(scorer: Scorer, past: Iterable[Payment]) -> None:
    """Post the past, in batches; what the scorer had no time for is sent again."""
    waiting = [payment.body() for payment in past]
    while waiting:
        results = scorer.post("/transactions", {"transactions": waiting})["results"]
        if refused := next((one["problem"] for one in results if one["status"] not in (200, 503)), None):
            raise Refused(refused["detail"])
        waiting = [body for body, one in zip(waiting, results, strict=True) if one["status"] == 503]


def _played(scorer: Scorer, steps: Iterable[Step], now: datetime) -> Iterator[tuple[Payment, bool]]:
    """Do the steps in their order; each payment that counts, and whether it was suspicious."""
    ids: dict[Payment, Any] = {}
    for step in steps:
        match step:
            case Payment():
                answer = scorer.post("/transaction", step.body())
                ids[step] = answer["id"]
                if step.counted:
                    yield step, answer["suspicious"]
            case Verdict(payment, verdict):
                scorer.post(f"/transactions/{ids[payment]}/review", {"verdict": verdict, "reviewer": _REVIEWER})
            case Exception_(client_id, merchant_id):
                until = (now + timedelta(days=30)).astimezone(UTC).isoformat()
                scorer.put(f"/clients/{client_id}/exceptions/{merchant_id}", {"until": until, "reviewer": _REVIEWER})
