"""The rules file: read, checked, named by its digest."""

import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from fraudstack import card_numbers, places, yaml_file
from fraudstack.places import LONGEST, state_of
from fraudstack.profiles.profile import MOST_RECENT
from fraudstack.texts import same_id, shown, shows

log = logging.getLogger(__name__)
DEFAULT = Path(__file__).with_name("rules.yaml")

Share = Annotated[float, Field(ge=0, le=1)]
# The upper bound keeps every product of it finite.
Positive = Annotated[float, Field(gt=0, le=1e12, allow_inf_nan=False)]
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
    most_in_10_minutes: Count
    most_in_1_hour: Count
    most_declines: Annotated[int, Field(ge=0)]


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
    cold_start: LeastAmount


# Ids are compared without leading zeros, blanks and what can't be seen, countries by their one name.
Ids = frozenset[Annotated[str, Field(min_length=1), AfterValidator(same_id)]]
Countries = frozenset[Annotated[str, Field(min_length=1), AfterValidator(state_of)]]


class Allow(_Part):
    """Whose transactions are normal."""

    merchants: Ids
    clients: Ids


class Block(_Part):
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
    least_history: Count
    least_spread: Positive
    model: Voice = Voice()
    rules: Figures
    allow: Allow
    block: Block


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
