"""A transaction as somebody posts it: sixteen fields, checked one by one."""

import hashlib
import unicodedata
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import to_json

from fraudstack import card_numbers
from fraudstack.fields import amounts, dates, ids, nothing
from fraudstack.places import LONGEST, STORED, channel_of, city_of, state_of
from fraudstack.profiles.event import Event, seconds_of
from fraudstack.texts import LONGEST_DESCRIPTION, identifier, kept, shows

_MOST = Decimal(100_000_000)


def _whole(value: Any) -> Any:
    """Ids come as text or number, from some programs as a floating one."""
    if isinstance(value, float) and value.is_integer() and abs(value) < ids.MOST_EXACT:
        value = int(value)
    if isinstance(value, (bool, float)):
        raise ValueError("an id is a whole number, as text or as a number")
    if isinstance(value, int):
        value = str(value)
    return ids.key(value) if isinstance(value, str) else value


def _seen(value: str) -> str:
    """An id without what can't be seen in it; control characters make it another thing than an id."""
    plain = value.isascii() and value.isprintable()
    if not plain and any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in value):
        raise ValueError("an id has no control characters")
    if card_numbers.in_id(value):
        raise ValueError(card_numbers.REFUSAL)
    if not shows(value):
        raise ValueError("nothing can be seen of this id")
    return identifier(value)


def _id(value: Any) -> Any:
    value = _whole(value)
    if isinstance(value, str):
        found = ids.made(value) or ids.number(value, ids.NUMBER)
        if found is None:
            raise ValueError("an id is a whole number of at most 18 digits")
        return found
    return value


def _amount(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("an amount is a number")
    if isinstance(value, str):
        raise ValueError("this amount can't be read, or in two ways: write digits, with a point before the cents")
    # As it is written: a float's own text is the shortest that gives the float.
    return str(value) if isinstance(value, float) else value


def _date(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("a date is text: YYYY-MM-DD HH:MM:SS, in UTC unless it says otherwise")
    found = dates.read(value.strip(" "))
    if found is None:
        raise ValueError("a date is one of the calendar, written YYYY-MM-DD HH:MM:SS, or as ISO 8601 with a zone")
    return found


def _possible(date: datetime) -> datetime:
    if date < dates.FIRST:
        raise ValueError(f"no card was used before {dates.FIRST.year}")
    if date > datetime.now(UTC).replace(tzinfo=None) + dates.AHEAD:
        raise ValueError("the date lies more than a day ahead")
    return date


def _written(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _zip(value: str) -> str | None:
    """A zip as files have it once they are cleaned: numbers lost their leading zeros."""
    found = STORED["zip"](ids.key(value))
    return found.zfill(5) if found and found.isascii() and found.isdigit() else found


Key = Annotated[str, Field(min_length=1, max_length=LONGEST), BeforeValidator(_whole), AfterValidator(_seen)]


class Submission(BaseModel):
    """A posted transaction; client_id and amount are required, what isn't known is left out or null."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    id: Annotated[int, BeforeValidator(_id)] | None = None
    # In UTC; the moment of the post where it is left out.
    date: Annotated[datetime, BeforeValidator(_date), AfterValidator(_possible)] | None = None
    client_id: Key
    card_id: Key | None = None
    amount: Annotated[
        Decimal, BeforeValidator(_amount), Field(max_digits=12, decimal_places=2, ge=-_MOST, le=_MOST, strict=False)
    ]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] | None = None
    # What somebody writes prevents no decision: it is kept as well as it can be.
    use_chip: Annotated[str, AfterValidator(STORED["use_chip"])] | None = None
    merchant_id: Key | None = None
    merchant_city: Annotated[str, AfterValidator(STORED["merchant_city"])] | None = None
    merchant_state: Annotated[str, AfterValidator(STORED["merchant_state"])] | None = None
    zip: Annotated[str, BeforeValidator(_written), AfterValidator(_zip)] | None = None
    mcc: Annotated[int, BeforeValidator(_id), Field(ge=0, le=9999)] | None = None
    description: Annotated[str, AfterValidator(partial(kept, most=LONGEST_DESCRIPTION, lines=True))] | None = None
    errors: Annotated[str, AfterValidator(STORED["errors"])] | None = None
    # Accepted, since the contract has them, and ignored: the scorer says the one, the truth the other.
    flagged_fraud: Any = None
    is_fraud: Any = None
    # Whether the cardholder can be asked, by 3-D Secure or the like: then doubt is a challenge.
    can_challenge: bool = False

    @model_validator(mode="before")
    @classmethod
    def _as_files_say_it(cls, raw: Any) -> Any:
        """Files and terminals write a word or nothing where they know nothing, and amounts with a mark beside them."""
        if not isinstance(raw, dict):
            return raw
        said = {
            name: value
            for name, value in raw.items()
            if name not in _OPTIONAL or not isinstance(value, str) or (shows(value) and nothing.is_value(value))
        }
        if isinstance(client := said.get("client_id"), str) and not nothing.is_value(client):
            said["client_id"] = ""
        if isinstance(amount := said.get("amount"), str):
            currency = said.get("currency") or amounts.currency_of(amount)
            cents = amounts.cents(amount, currency if isinstance(currency, str) else "")
            if cents is not None:
                said |= {"amount": Decimal(cents).scaleb(-2), "currency": currency}
        return said

    @property
    def cents(self) -> int:
        """The amount in whole cents."""
        return int(self.amount * 100)

    def event(self, id: int, now: datetime) -> Event:
        """The transaction as rules look at it."""
        return Event(
            id=id,
            client_id=self.client_id,
            seconds=seconds_of(self.date or now),
            cents=self.cents,
            card=self.card_id,
            channel=self.use_chip and channel_of(self.use_chip),
            merchant=self.merchant_id,
            city=self.merchant_city and city_of(self.merchant_city),
            state=self.merchant_state and state_of(self.merchant_state),
            mcc=self.mcc,
            errors=self.errors or None,
        )

    def body_hash(self) -> str:
        """Tells whether two posts say the same, however their JSON was written."""
        # Cents: 5, 5.0 and "5.00" are one amount. A store has one currency: told or not is no difference.
        named = (None if name == "currency" else getattr(self, name) for name in _HASHED)
        said = [self.cents, self.date and str(self.date), *named]
        return hashlib.sha256(to_json(said)).hexdigest()[:32]


_OPTIONAL = Submission.model_fields.keys() - {"client_id"}
_HASHED = sorted(
    Submission.model_fields.keys() - {"id", "amount", "date", "can_challenge", "flagged_fraud", "is_fraud"}
)
