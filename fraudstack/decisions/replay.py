"""A client's history decided again, transaction by transaction, by what was known at each one's time."""

from heapq import heappop, heappush

from fraudstack.decisions.scoring import OpinionLike, judged
from fraudstack.features import DAY
from fraudstack.features.labels import label_day
from fraudstack.profiles.event import Event, Marks
from fraudstack.profiles.named import NO_LISTS, Lists
from fraudstack.profiles.profile import Profile
from fraudstack.profiles.velocity import NOTHING, Velocity
from fraudstack.rules.case import case_of
from fraudstack.rules.config import RulesFile
from fraudstack.rules.decide import Verdict


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
    ) -> Verdict:
        """What would have been decided; then the transaction belongs to the history."""
        day = event.seconds // DAY
        while self._unknown and self._unknown[0][0] <= day:
            _, _, earlier, was_usual, is_usual = heappop(self._unknown)
            if is_usual != was_usual:
                self._profile.judge_anew(earlier, trusted=is_usual)
        case = case_of(event, self._profile, self._rules, velocity, listed=self._lists.at(event))
        verdict = judged(case, self._lists.excepts(event), opinion)
        usual = not verdict.suspicious
        self._profile.add(event, trusted=usual)
        if marks.is_fraud is not None:
            known = label_day(event, marks, self._delay) + self._delay + 1
            heappush(self._unknown, (known, self._profile.transactions, event, usual, marks.is_fraud == 0))
        return verdict
