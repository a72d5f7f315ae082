"""The rules file: read, checked, named by its digest."""

import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from fraudstack import card_numbers, places, yaml_file
from fraudstack.features import DAY
from fraudstack.places import LONGEST, state_of
from fraudstack.profiles.profile import FAR_BACK, MOST_RECENT, WEEK
from fraudstack.texts import same_id, shown, shows

log = logging.getLogger(__name__)
# Of a probability, so that it has a logarithm and one that is higher.
_LEAST, _MOST = 1e-6, 0.9999
DEFAULT = Path(__file__).with_name("rules.yaml")

Share = Annotated[float, Field(ge=0, le=1)]
# The upper bound keeps every product of it finite.
Positive = Annotated[float, Field(gt=0, le=1e12, allow_inf_nan=False)]
Cost = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]
Weight = Annotated[float, Field(ge=0, lt=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Bounds(_Part):
    """Where a score becomes a decision."""

    suspicious_at: Share
    block_at: Share
    grey_from: Share
    grey_to: Share
    # Below it doubt is a challenge, where the caller can step up; a challenge holds so many days.
    challenge_below: Share = 0.9
    challenge_holds_days: Annotated[float, Field(gt=0, le=365)] = 30.0

    @model_validator(mode="after")
    def _in_order(self) -> "Bounds":
        if not self.grey_from <= self.grey_to <= self.block_at:
            raise ValueError("grey_from, grey_to and block_at must rise in this order")
        if self.suspicious_at > self.block_at:
            raise ValueError("suspicious_at must not lie above block_at")
        return self


class Whitelist(_Part):
    """What a transaction must be to be waved through."""

    least_history: Count
    least_count: Count
    most_sigmas: Positive
    # In units of the currency, as in 24 hours.
    most_amount: Positive
    most_a_day: Positive
    most_in_10_minutes: Count
    most_in_1_hour: Count
    most_declines: Annotated[int, Field(ge=0)]


class Costs(_Part):
    """What decisions cost, in units of the currency: by them an alert is raised where it is worth its review."""

    # To look at one alert, and to turn an honest client away.
    review: Cost
    friction: Cost = 0.0
    # The share of a fraud's loss that an alert saves.
    recovered: Annotated[float, Field(gt=0, le=1)] = 1.0

    def alert_at(self, cents: int) -> float:
        """The probability of fraud from which an alert on so many cents saves more than it costs; below 1.

        Bayes minimum risk (Bahnsen et al. 2013): p · amount · recovered >= review + (1 - p) · friction.
        """
        at_risk = abs(cents) / 100 * self.recovered
        whole = at_risk + self.friction
        return min(max((self.review + self.friction) / whole, _LEAST), _MOST) if whole else _MOST


class Budget(_Part):
    """How many alerts a day can be looked at, and the expected loss from which one is among them.

    That loss is a figure of the file and doesn't move with the alerts that came: else who floods the queue with large
    ones would lift the bar for the rest, and no decision could be made again.
    """

    alerts_a_day: Positive
    # In units of the currency; `fraudstack backtest` tells it. Until it is given all fit.
    least_loss: Positive | None = None

    def alert_at(self, cents: int) -> float:
        """The probability of fraud from which an alert on so many cents is within the budget; below 1."""
        if self.least_loss is None or not cents:
            return _MOST
        return min(max(self.least_loss * 100 / abs(cents), _LEAST), _MOST)


class Voice(_Part):
    """From which probability a model speaks, and from which it alone makes a transaction suspicious."""

    speaks_at: Annotated[float, Field(gt=0, lt=1)] = 0.02
    alert_at: Annotated[float, Field(gt=0, lt=1)] = 0.3


class Rule(_Part):
    """A rule without figures of its own."""

    weight: Weight


class AmountUnusual(Rule):
    """Amounts in units of the currency."""

    sigmas: Positive
    least_purchases: Count
    least_amount: Positive


class TravelImpossible(Rule):
    """Hours between two countries."""

    hours: Positive


class HourUnusual(Rule):
    """The share of a client's usual transactions that an hour may have and still be unusual."""

    most_share: Share


class Burst(Rule):
    """As many transactions are still no burst."""

    most: Annotated[int, Field(ge=1, lt=MOST_RECENT)]


class DeclinesThenSuccess(Rule):
    """Declines within an hour."""

    declines: Count


class RefundsMirrored(Rule):
    """Pairs of a purchase and its refund."""

    pairs: Count


class LeastAmount(Rule):
    """An amount in units of the currency."""

    least_amount: Positive


class ColdStart(LeastAmount):
    """Spent in 24 hours, and payments that are little: they are one only once more than `most_little` was spent."""

    least_payment: Positive
    most_little: Positive


class Dormant(Rule):
    """Days without any transaction."""

    days: Count


class DaySpend(LeastAmount):
    """Spent in 24 hours, in mean purchases and in standard deviations of as many; the share that one may have of it."""

    times: Positive
    sigmas: Positive
    most_of_one: Share


class NewMerchants(LeastAmount):
    """So many merchants that are new, and what was spent there."""

    merchants: Count


class CardShared(Rule):
    """Other clients in 7 days."""

    clients: Count


class CardGuessed(Rule):
    """Guesses in 1 hour."""

    guesses: Count


class CardFraud(Rule):
    """Days for which a fraud weighs so much; what it weighs later, up to 30."""

    days: Count
    later: Weight


class CardTesting(Rule):
    """Cards in 1 hour, this one included, and what is little, in units of the currency."""

    cards: Count
    most_amount: Positive


class MerchantFraud(Rule):
    """Confirmed frauds among the latest payments at a merchant, and their least share since one of them."""

    frauds: Count
    least_share: Share


class Figures(_Part):
    """Each rule's figures, by the code of the reason that it gives."""

    amount_unusual: AmountUnusual
    merchant_new: Rule
    mcc_new: Rule
    country_new: Rule
    travel_impossible: TravelImpossible
    channel_new: Rule
    card_unknown: Rule
    hour_unusual: HourUnusual
    burst_10_minutes: Burst
    burst_1_hour: Burst
    burst_24_hours: Burst
    burst_7_days: Burst
    declines_then_success: DeclinesThenSuccess
    refunds_mirrored: RefundsMirrored
    refund_unmatched: LeastAmount
    cold_start: ColdStart
    dormant: Dormant
    day_spend_unusual: DaySpend
    new_merchants_spend: NewMerchants
    card_shared: CardShared
    card_guessed: CardGuessed
    card_fraud: CardFraud
    card_testing: CardTesting
    merchant_fraud: MerchantFraud


# Ids are compared without leading zeros, blanks and what can't be seen, countries by their one name.
Ids = frozenset[Annotated[str, Field(min_length=1), AfterValidator(same_id)]]
Countries = frozenset[Annotated[str, Field(min_length=1), AfterValidator(state_of)]]


class _Lists(_Part):
    @property
    def empty(self) -> bool:
        """Whether nothing is listed."""
        return not any(getattr(self, name) for name in type(self).model_fields)


class Allow(_Lists):
    """Whose transactions are normal."""

    merchants: Ids
    clients: Ids


class Block(_Lists):
    """Whose transactions are blocked."""

    merchants: Ids
    clients: Ids
    cards: Ids
    countries: Countries
    mccs: frozenset[Annotated[int, Field(ge=0, le=9999)]]


class RulesFile(_Part):
    """The whole file."""

    version: Annotated[str, Field(min_length=1, max_length=100)]
    decision: Bounds
    whitelist: Whitelist
    # Days after which an undisputed transaction may make something usual.
    usual_after_days: Annotated[float, Field(gt=0, le=FAR_BACK / DAY)] = 7.0
    # An exception for a client at a merchant holds up to this amount, in units of the currency.
    exception_most_amount: Positive
    least_history: Count
    least_spread: Positive
    model: Voice = Voice()
    costs: Costs | None = None
    budget: Budget | None = None
    rules: Figures
    allow: Allow
    block: Block

    @property
    def usual_after(self) -> int:
        """`usual_after_days` in seconds."""
        return round(self.usual_after_days * DAY)

    @property
    def small(self) -> int:
        """What is little, in cents."""
        return round(self.rules.card_testing.most_amount * 100)

    def alert_at(self, cents: int) -> float:
        """The probability from which a model alone makes a transaction of so many cents suspicious."""
        if self.costs is not None:
            return self.costs.alert_at(cents)
        # What is clear already is turned away whatever it is worth to look at it.
        return self.model.alert_at if self.budget is None else min(self.model.alert_at, self.budget.alert_at(cents))

    def below_budget(self, loss: float) -> bool:
        """Whether an alert by which so much is expected to be lost isn't among those that a day has time for."""
        return self.budget is not None and self.budget.least_loss is not None and loss < self.budget.least_loss

    @property
    def excepted_up_to(self) -> int:
        """`exception_most_amount` in cents."""
        return round(self.exception_most_amount * 100)

    @property
    def looks_back(self) -> int:
        """How many seconds before a transaction others are looked at one by one."""
        return max(WEEK, self.usual_after)


class Rules(BaseModel):
    """Rules in force, and the name under which decisions remember them: version and digest."""

    model_config = ConfigDict(frozen=True)

    version: str
    file: RulesFile
    # Of each value of a list that no transaction can be met with: where it stands, and what was probably meant.
    doubts: tuple[str, ...] = ()


def load(path: Path) -> Rules:
    """Read and check a rules file; what in its lists matches nothing is told in the log.

    Raises InputError, naming the line, when it isn't one.
    """
    rules = _checked(yaml_file.load(path, "rules file"))
    for doubt in rules.doubts:
        log.warning("%s", doubt)
    return rules


def parse(content: bytes, name: str) -> Rules:
    """Rules from the bytes of a file called `name`; raises InputError as `load` does."""
    return _checked(yaml_file.parse(content, name))


def _checked(document: yaml_file.Document) -> Rules:
    file = document.checked(RulesFile)
    return Rules(version=f"{file.version}+{document.digest[:8]}", file=file, doubts=tuple(_doubts(document)))


def _doubts(document: yaml_file.Document) -> Iterator[str]:
    for part in ("allow", "block"):
        for name, listed in document.content[part].items():
            for place, value in enumerate(listed):
                doubt = _DOUBTS[name](value)
                if doubt:
                    where = document.at(part, name, place)
                    yield f"{where}: {part}.{name}: {shown(value)} matches no transaction: {doubt}"


def _doubt_of_id(value: str) -> str | None:
    if card_numbers.in_id(value):
        return "this is a card number, and cards are known by a token or an id"
    if not shows(value):
        return "nothing can be seen of it"
    return f"no id has more than {LONGEST} characters" if len(same_id(value)) > LONGEST else None


def _no_doubt(_: str) -> None:
    return None


_DOUBTS: Mapping[str, Callable[[str], str | None]] = {
    **dict.fromkeys(("merchants", "clients", "cards"), _doubt_of_id),
    "countries": places.doubt,
    "mccs": _no_doubt,
}
