"""Every rule, and the reasons that hold."""

from collections.abc import Iterator

from fraudstack.features.table import CODES as MODEL_CODES
from fraudstack.rules import habit, haste, refunds, velocity
from fraudstack.rules.case import Case, Reason, Rule

# An exception for a client at a merchant silences these: what remains is haste.
OF_HABIT: tuple[Rule, ...] = (
    habit.amount_unusual,
    habit.merchant_new,
    habit.mcc_new,
    habit.country_new,
    habit.travel_impossible,
    habit.channel_new,
    habit.hour_unusual,
    habit.dormant,
    habit.day_spend_unusual,
    habit.new_merchants_spend,
    habit.cold_start,
    refunds.refund_unmatched,
)
OF_HASTE: tuple[Rule, ...] = (
    habit.card_unknown,
    haste.burst_10_minutes,
    haste.burst_1_hour,
    haste.burst_24_hours,
    haste.burst_7_days,
    haste.declines_then_success,
    refunds.refunds_mirrored,
    velocity.card_shared,
    velocity.card_guessed,
    velocity.card_fraud,
    velocity.card_testing,
    velocity.merchant_fraud,
)

SILENCED = frozenset(rule.__name__ for rule in OF_HABIT)

# The code of a rule's reason is its name; some reasons come from elsewhere.
CODES = tuple(
    sorted(("block_list", "held_list", "llm_text", *MODEL_CODES, *(rule.__name__ for rule in OF_HABIT + OF_HASTE)))
)


def reasons(case: Case, *, excepted: bool = False) -> Iterator[Reason]:
    """Every reason that holds; `excepted` leaves out what an analyst allowed this client at this merchant."""
    for rule in OF_HASTE if excepted else OF_HABIT + OF_HASTE:
        if found := rule(case):
            yield found
