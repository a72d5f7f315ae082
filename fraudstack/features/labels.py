"""When labels are known: where it is told on that day, else a delay after their transactions.

Memories count a label on its label day. That is the day of its transaction, or, where it is told since when the label
is known, the day whose labels were known then: so everything that looks at labels of the days up to d - delay - 1 sees
what was known before day d, and no more.
"""

from fraudstack.features import DAY, LABEL_DELAY
from fraudstack.profiles.event import Event, Marks


def label_day(event: Event, marks: Marks, delay: int = LABEL_DELAY) -> int:
    """The label day of a transaction, since 1970; what is told to have been known before it was known with it."""
    day = event.seconds // DAY
    return day if marks.known is None else max(marks.known, day) - delay


def fraud_of(event: Event, marks: Marks, delay: int = LABEL_DELAY) -> int | None:
    """The label day of a fraud; None of what isn't known to be one."""
    return label_day(event, marks, delay) if marks.is_fraud == 1 else None
