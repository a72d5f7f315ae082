"""The rules file: read, checked, named by its digest."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from fraudstack import yaml_file
from fraudstack.profiles.profile import MOST_RECENT

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


Names = frozenset[Annotated[str, Field(min_length=1)]]


class Allow(_Part):
    """Whose transactions are normal."""

    merchants: Names
    clients: Names


class Block(_Part):
    """Whose transactions are blocked."""

    merchants: Names
    clients: Names
    cards: Names
    countries: Names
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


def load(path: Path) -> Rules:
    """Read and check a rules file.

    Raises InputError, naming the line, when it isn't one.
    """
    return _checked(yaml_file.load(path, "rules file"))


def parse(content: bytes, name: str) -> Rules:
    """Rules from the bytes of a file called `name`; raises InputError as `load` does."""
    return _checked(yaml_file.parse(content, name))


def _checked(document: yaml_file.Document) -> Rules:
    file = document.checked(RulesFile)
    return Rules(version=f"{file.version}+{document.digest[:8]}", file=file)
