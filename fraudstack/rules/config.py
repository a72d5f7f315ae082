"""The rules file: read, checked, named by its digest."""

import hashlib
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from fraudstack.errors import InputError
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
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"the rules file {path} can't be read: {error.strerror}") from error
    return parse(content, str(path))


def parse(content: bytes, name: str) -> Rules:
    """Rules from the bytes of a file called `name`; raises InputError as `load` does."""
    try:
        text = content.decode()
        root = yaml.compose(text, Loader=yaml.BaseLoader)
        # Everything is text as it stands there, and the fields make of it what they ask for: YAML 1.1 would read
        # the merchant 00501 as 321 and the country NO as false.
        raw = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - makes text, lists and mappings, nothing else
        _refuse_twice(root, name)
    except RecursionError as error:
        raise InputError(f"{name}: this is nested too deeply") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
        raise InputError(f"{name}, line {_broken_line(error, content)}: this isn't YAML: {problem}") from error
    try:
        file = RulesFile.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        line = _line(root, first["loc"])
        place = ".".join(map(str, first["loc"])) or "the file"
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        raise InputError(f"{name}, line {line}: {place}: {first['msg']}{more}") from error
    return Rules(version=f"{file.version}+{hashlib.sha256(content).hexdigest()[:8]}", file=file)


def _refuse_twice(node: yaml.Node | None, name: str) -> None:
    """YAML lets a key stand twice and takes the last."""
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_twice(item, name)
    if not isinstance(node, yaml.MappingNode):
        return
    seen = set()
    for key, value in node.value:
        if key.value in seen:
            raise InputError(f"{name}, line {key.start_mark.line + 1}: {key.value} stands there twice")
        seen.add(key.value)
        _refuse_twice(value, name)


def _broken_line(error: Exception, content: bytes) -> int:
    """The line in which reading ended."""
    if isinstance(error, UnicodeDecodeError):
        return content.count(b"\n", 0, error.start) + 1
    if isinstance(error, yaml.reader.ReaderError):
        return content.decode().count("\n", 0, error.position) + 1
    mark = getattr(error, "problem_mark", None)
    return mark.line + 1 if mark else 1


def _line(root: yaml.Node | None, place: tuple[Any, ...]) -> int:
    """The line of what a validator complains of, or of what should hold it."""
    node, line = root, 1 if root is None else root.start_mark.line + 1
    for step in place:
        found = None
        if isinstance(node, yaml.MappingNode):
            found = next(((key, value) for key, value in node.value if key.value == str(step)), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            found = (node.value[step], node.value[step])
        if found is None:
            break
        line, node = found[0].start_mark.line + 1, found[1]
    return line
