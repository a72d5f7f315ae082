"""What the scorer answers, as models for the document and as plain JSON for speed."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic_core import to_json
from starlette.responses import Response

from fraudstack.decisions.asked import Decided
from fraudstack.fields.ids import MOST_EXACT
from fraudstack.schema import Transaction
from fraudstack.storage.transactions import Stored

_EXAMPLE: Any = {
    "id": 1000000000000000,
    "suspicious": True,
    "score": 0.7975,
    "expected_loss": 647.89,
    "decision": "suspicious",
    "reason": "amount 812.40 is 6.1 σ above this client's 43.10 at Grocery Stores; first transaction in Italy",
    "reasons": [
        {
            "code": "amount_unusual",
            "weight": 0.5,
            "figures": {"amount": 812.4, "sigmas": 6.1, "usual": 43.1, "purchases": 120},
            "text": "amount 812.40 is 6.1 σ above this client's 43.10 at Grocery Stores",
        },
        {"code": "country_new", "weight": 0.45, "figures": {"country": "Italy"}, "text": "first transaction in Italy"},
    ],
    "below_budget": False,
    "normal_if": "the amount were 71.00",
    "llm_status": "off",
    "rules_version": "1+0a1b2c3d",
    "model_version": None,
    "model_problem": None,
    "left_out": [],
}


Id = Annotated[int | str, Field(description="A transaction's id: a number, past 2^53 as text.")]
LeftOut = Literal["model", "language model", "storing"]


class ReasonOut(BaseModel):
    """Why a transaction is out of the ordinary."""

    code: str
    weight: float = Field(ge=0, le=1)
    figures: dict[str, Any]
    text: str


class _Decision(BaseModel):
    id: Id
    suspicious: bool
    score: float = Field(ge=0, le=1)
    expected_loss: float = Field(
        ge=0, description="The probability of fraud, or without a model's the score, times the amount."
    )
    decision: Literal["whitelisted", "normal", "challenge", "suspicious", "blocked"]
    reason: str
    reasons: list[ReasonOut]
    below_budget: bool = Field(
        description="Of a suspicious one, whether a day's budget of alerts has no time to look at it."
    )
    normal_if: str | None = Field(
        description="What alone would have made a suspicious one normal, by the same rules and model asked again."
    )
    llm_status: str | None
    rules_version: str | None
    model_version: str | None
    # Why the champion wasn't heard.
    model_problem: str | None


class DecisionOut(_Decision):
    """What was decided; suspicious is true for the decisions challenge, suspicious and blocked."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    left_out: list[LeftOut] = Field(
        description="What there was no time for within X-Wait-Ms. Where it names storing, this isn't stored yet."
    )


class StoredDecision(_Decision):
    """A decision as it was stored."""

    decided_at: str
    source: str


# The store's columns, as JSON has their values.
_COLUMNS: Any = {name: (column.annotation, ...) for name, column in Transaction.model_fields.items()}
_COLUMNS |= {"id": (Id, ...), "date": (str, ...), "amount": (float, ...)}
_Transaction: Any = create_model("_Transaction", **_COLUMNS)


class TransactionOut(_Transaction):  # type: ignore[misc]
    """A transaction's sixteen fields."""


class Listed(BaseModel):
    """A transaction and what was said of it."""

    transaction: TransactionOut
    decision: StoredDecision | None


class Page(BaseModel):
    """Transactions, latest first, and the cursor of the next page."""

    transactions: list[Listed]
    next: str | None


_SAID = (
    "suspicious",
    "score",
    "expected_loss",
    "decision",
    "reason",
    "reasons",
    "below_budget",
    "normal_if",
    "llm_status",
    "rules_version",
    "model_version",
    "model_problem",
)


def decision(id: int, said: Mapping[str, Any]) -> dict[str, Any]:
    """A decision as DecisionOut has it."""
    return {"id": exact(id), **{name: said[name] for name in _SAID}}


def of_decided(found: Decided, left_out: Sequence[LeftOut] = ()) -> dict[str, Any]:
    """A fresh decision."""
    return decision(found.id, found.decision) | {"left_out": left_out}


def exact(id: int) -> int | str:
    """An id as JSON can say it: past 2^53, where JavaScript reads another number, as text."""
    return id if id <= MOST_EXACT else str(id)


def listed(found: Stored) -> dict[str, Any]:
    """A storage.transactions.Stored as Listed has it."""
    transaction = found.transaction | {"amount": float(found.transaction["amount"])}
    said = found.decision
    shown = said and decision(transaction["id"], said) | {"decided_at": said["decided_at"], "source": said["source"]}
    return {"transaction": transaction | {"id": exact(transaction["id"])}, "decision": shown}


def json_answer(content: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An answer whose content is made of plain values: no second validation. JSON has no NaN: it becomes null."""
    return Response(to_json(content, inf_nan_mode="null"), status, headers, "application/json")
