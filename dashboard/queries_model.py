"""How good the history's decisions were, and what is watched of a model."""

from typing import NamedTuple

from fraudstack.model.watching.windows import Window
from fraudstack.storage.connections.online import Connection

_YEARS = """SELECT substr(day, 1, 4) AS year, CASE WHEN model_version = '' THEN 0 ELSE 1 END AS asked,
    CAST(sum(transactions) AS BIGINT), CAST(sum(suspicious) AS BIGINT), CAST(sum(labelled) AS BIGINT),
    CAST(sum(frauds) AS BIGINT), CAST(sum(suspicious_labelled) AS BIGINT), CAST(sum(suspicious_frauds) AS BIGINT),
    CAST(sum(fraud_cents) AS BIGINT), CAST(sum(caught_cents) AS BIGINT)
    FROM batch_days WHERE transactions > 0 GROUP BY 1, 2 ORDER BY 1, 2"""
_WINDOWS = f"SELECT {', '.join(Window._fields)} FROM model_windows WHERE model_version = ? ORDER BY last, kind, value"
_MEASURED = "SELECT measure, day, value, sample FROM model_days WHERE model_version = ? ORDER BY measure, day"


class Year(NamedTuple):
    """Decisions of a year, with a model (1) or by the rules alone (0); cents are whole."""

    year: str
    asked: int
    transactions: int
    suspicious: int
    labelled: int
    frauds: int
    suspicious_labelled: int
    suspicious_frauds: int
    fraud_cents: int
    caught_cents: int

    @property
    def precision(self) -> float | None:
        """The share of frauds among the labelled alerts; None where there is none."""
        return self.suspicious_frauds / self.suspicious_labelled if self.suspicious_labelled else None

    @property
    def recall(self) -> float | None:
        """The share of the frauds that were alerted; None where there is none."""
        return self.suspicious_frauds / self.frauds if self.frauds else None


class Measured(NamedTuple):
    """A measure on a day, and how many transactions it rests on."""

    day: str
    value: float
    sample: int


def years(connection: Connection) -> list[Year]:
    """What was decided in batch, by year; two of a year in which a model came."""
    return [Year(*row) for row in connection.rows(_YEARS)]


def measured(connection: Connection, version: str) -> dict[str, list[Measured]]:
    """What is watched of a model, by measure, in the order of days."""
    found: dict[str, list[Measured]] = {}
    for measure, *row in connection.rows(_MEASURED, (version,)):
        found.setdefault(measure, []).append(Measured(*row))
    return found


def windows(connection: Connection, version: str) -> list[Window]:
    """What was said of transactions, segment by segment, while a model was watched, in the order of days."""
    return [Window(*row) for row in connection.rows(_WINDOWS, (version,))]
