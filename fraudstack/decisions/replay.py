"""A client's history decided again, transaction by transaction, by what was known at each one's time."""

from functools import partial
from heapq import heappop, heappush
from typing import NamedTuple

from fraudstack.decisions.otherwise import normal_if
from fraudstack.decisions.scoring import OpinionLike, judged, judged_in_short
from fraudstack.features import DAY
from fraudstack.features.labels import label_day
from fraudstack.profiles.event import Event, Marks
from fraudstack.profiles.named import NO_LISTS, Lists
from fraudstack.profiles.profile import Profile
from fraudstack.profiles.velocity import NOTHING, Velocity
from fraudstack.rules.case import Case, case_of
from fraudstack.rules.config import RulesFile
from fraudstack.rules.decide import Verdict


class Replayed(NamedTuple):
    """A verdict, and of a suspicious one what would have made it normal, where that is known."""

    verdict: Verdict
    normal_if: str | None


class Replay:
    """The decisions that a scorer would have made of a client, which has it all in the order of time."""

    def __init__(self, client_id: str, rules: RulesFile, delay: int, lists: Lists = NO_LISTS) -> None:
        """Begin before the first transaction; a label is known `delay` whole days after its label day.

        Of the store's lists and exceptions holds what held at a transaction's own time.
        """
        self._rules = rules
        self._delay = delay
        self._lists = lists
        self._profile = Profile(client_id)
        # Transactions whose label isn't known yet, by the day on which it is and their order: the event, whether it was
        # usual until then, and whether it is now.
        self._unknown: list[tuple[int, int, Event, bool, bool]] = []

    def decide(
        self, event: Event, marks: Marks, opinion: OpinionLike | None = None, velocity: Velocity = NOTHING
    ) -> Replayed:
        """What would have been decided; then the transaction belongs to the history."""
        day = event.seconds // DAY
        while self._unknown and self._unknown[0][0] <= day:
            _, _, earlier, was_usual, is_usual = heappop(self._unknown)
            if is_usual != was_usual:
                self._profile.judge_anew(earlier, trusted=is_usual)
        case = case_of(event, self._profile, self._rules, velocity, listed=self._lists.at(event))
        excepted = self._lists.excepts(event)
        verdict = judged(case, excepted, opinion)
        usual = not verdict.suspicious
        otherwise = None if usual else _normal_if(case, verdict, excepted, opinion)
        self._profile.add(event, trusted=usual)
        if marks.is_fraud is not None:
            known = label_day(event, marks, self._delay) + self._delay + 1
            heappush(self._unknown, (known, self._profile.transactions, event, usual, marks.is_fraud == 0))
        return Replayed(verdict, otherwise)


def _normal_if(case: Case, verdict: Verdict, excepted: bool, opinion: OpinionLike | None) -> str | None:
    again = partial(judged_in_short, excepted=excepted, opinion=opinion)
    # What a model says of another amount isn't known here.
    return normal_if(case, verdict, again, amounts=opinion is None)
