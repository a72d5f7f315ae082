"""A client's history decided again, transaction by transaction, by what was known at each one's time."""

from collections import deque

from fraudstack.decisions.scoring import OpinionLike, judged
from fraudstack.features import DAY
from fraudstack.profiles.event import Event
from fraudstack.profiles.named import NO_LISTS, Lists
from fraudstack.profiles.profile import Profile, trusted
from fraudstack.profiles.velocity import NOTHING, Velocity
from fraudstack.rules.case import case_of
from fraudstack.rules.config import RulesFile
from fraudstack.rules.decide import Verdict


class Replay:
    """The decisions that a scorer would have made of a client, which has it all in the order of time."""

    def __init__(self, client_id: str, rules: RulesFile, delay: int, lists: Lists = NO_LISTS) -> None:
        """Begin before the first transaction; labels are known `delay` whole days after theirs.

        Of the store's lists holds what held at a transaction's own time.
        """
        self._rules = rules
        self._delay = delay
        self._lists = lists
        self._profile = Profile(client_id)
        # Transactions whose label isn't known yet: the day on which it is, the event, what made it usual, the label.
        self._unknown: deque[tuple[int, Event, bool, int]] = deque()

    def decide(
        self, event: Event, is_fraud: int | None, opinion: OpinionLike | None = None, velocity: Velocity = NOTHING
    ) -> Verdict:
        """What would have been decided; then the transaction belongs to the history."""
        day = event.seconds // DAY
        while self._unknown and self._unknown[0][0] <= day:
            _, earlier, was_usual, label = self._unknown.popleft()
            if trusted(None, label) != was_usual:
                self._profile.judge_anew(earlier, trusted=not was_usual)
        case = case_of(event, self._profile, self._rules, velocity, listed=self._lists.at(event))
        verdict = judged(case, False, opinion)
        is_usual = not verdict.suspicious
        self._profile.add(event, trusted=is_usual)
        if is_fraud is not None:
            self._unknown.append((day + self._delay + 1, event, is_usual, is_fraud))
        return verdict
